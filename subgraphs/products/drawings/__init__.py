"""Pictures of the demo catalogue, drawn from a few shapes: a motif for each kind of product, a palette for each department.

The same SKU gives the same picture, byte for byte with the same Pillow, and neighbours of one kind differ in their colours.
"""
