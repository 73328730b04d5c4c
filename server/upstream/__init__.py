"""A station's way to its centre: joining it, its clock, and the link over which sets go up and rulings come down."""
