"""Orders from other systems: files and single orders become signed sets of the centre's desk chain.

``mapping`` says which column means what, ``lines`` and ``rows`` turn bytes into numbered rows,
``orders`` turns a row into an order or into reasons, ``hygiene`` makes foreign text harmless where
it is shown, and ``apply`` writes what is new through the intake."""
