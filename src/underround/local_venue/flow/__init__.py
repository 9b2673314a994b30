"""What fills the local venue with life: other people's orders, prices, windows that roll.

``flow`` reads a scene and plans everything in it on the world's agenda.  ``recording`` lets a
recording drive the books, ``generator`` invents people from the seed, ``script`` does exact things
at exact times.  All of it follows from the seed and the scene alone: no clock, no float decides.
"""
