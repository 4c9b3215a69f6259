"""What does the operator's database hold? The only place that speaks SQL and the only one that commits."""
