"""The centre: the shell around the pure rules of `sync`, with its one door, store and desks."""
