"""What VQACL and the baselines on its backbone are made of: a T5 over words and regions, prototypes."""
