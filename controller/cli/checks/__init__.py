"""What `doctor` looks at (`facts` senses) and what it makes of it (`judge`)."""
