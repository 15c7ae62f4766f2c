import os
import socket

import psutil
import pytest

from deploy.local.ports import PortError, Ports


def listener(port: int = 0) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    made.listen()
    return made


def test_a_free_port_is_ours_alone_and_a_child_can_listen_on_it():
    ours, theirs = Ports(), Ports()
    port = ours.free()
    with pytest.raises(OSError, match="in use"):
        theirs._hold("127.0.0.1", port, exclusive=True)
    with listener(port) as child:
        assert child.getsockname()[1] == port
    with listener(port) as again:
        assert again.getsockname()[1] == port
    ours.release()
    theirs._hold("127.0.0.1", port, exclusive=True)
    theirs.release()


def test_a_port_in_use_is_named_with_its_owner_and_the_way_out():
    with listener() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortError) as refusal:
            Ports().exactly(port, what="the edge", option="--edge-port")
    name = psutil.Process().name()
    assert str(refusal.value) == (
        f"Port {port} is in use by {name} (process {os.getpid()}). Stop it, or choose another for the edge: "
        "--edge-port PORT (0 = any free one)."
    )


def test_an_address_of_another_machine_is_refused_in_words():
    with pytest.raises(
        PortError, match=r"the edge cannot listen on 192\.0\.2\.1:8080: .* an address of this machine"
    ):
        Ports().exactly(8080, what="the edge", option="--edge-port", host="192.0.2.1")
