"""Resources: what the machine and its containers use; samples become rates, and services tell figures of their own."""
