"""How tests prove features: the catalogue, the marks, the page made from them."""
