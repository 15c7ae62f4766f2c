"""The process that decodes one file: `python -m subgraphs.products.images.worker MAX_PIXELS MAX_MEMORY SECONDS`.

The file comes in on standard input. Out goes one line of JSON, `{"refused": reason}` or `{"width", "height",
"variants": [[width, bytes], …]}`, and behind it the files of the variants. Decoders are where images do harm, so
this process may do nothing but reckon: its memory and its time are bounded, and it may write no file.
"""

import json
import resource
import sys

from PIL import UnidentifiedImageError

from subgraphs.products.images.formats import RefusedImageError
from subgraphs.products.images.rendering import render


def main(max_pixels: int, max_memory: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (max_memory, max_memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    data = sys.stdin.buffer.read()
    files: list[bytes] = []
    head: dict[str, object]
    try:
        rendering = render(data, max_pixels=max_pixels)
    except RefusedImageError as error:
        head = {"refused": error.message}
    except MemoryError:
        head = {"refused": "The image needs too much memory; send a smaller one."}
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError):
        # What Pillow's decoders raise for a file that is not as it should be.
        head = {"refused": "The image is damaged and cannot be read; save it anew and send that."}
    else:
        sizes = [[variant.width, len(variant.data)] for variant in rendering.variants]
        head = {"width": rendering.width, "height": rendering.height, "variants": sizes}
        files = [variant.data for variant in rendering.variants]
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + b"".join(files))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
