"""How good the reviewer is: labelled examples in, records out, figures with their intervals."""
