"""Files that people carry between phones and the centre (SPEC BU): taken in through the one door, answered."""
