from subgraphs.orders.webhooks.signatures import sign

# Worked out by others: the example that Svix, who wrote the standard, publishes for verifying by hand.
SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"
ID, TIMESTAMP = "msg_loFOjxBNrRLzqYUf", 1731705121
BODY = '{"event_type":"ping","data":{"success":true}}'
SIGNATURE = "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


def test_the_published_example_is_signed_as_published():
    assert sign(ID, TIMESTAMP, BODY, secrets=[SECRET]) == SIGNATURE


def test_each_secret_signs_and_the_first_comes_first():
    other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    both = sign(ID, TIMESTAMP, BODY, secrets=[other, SECRET]).split(" ")
    assert both == [sign(ID, TIMESTAMP, BODY, secrets=[other]), SIGNATURE]


def test_every_part_counts():
    others = [
        sign(f"{ID}x", TIMESTAMP, BODY, secrets=[SECRET]),
        sign(ID, TIMESTAMP + 1, BODY, secrets=[SECRET]),
        sign(ID, TIMESTAMP, f"{BODY} ", secrets=[SECRET]),
    ]
    assert len({SIGNATURE, *others}) == 4
