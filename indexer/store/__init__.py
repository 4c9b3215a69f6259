"""The operator's database: the only package that speaks SQL, and the only one that commits."""
