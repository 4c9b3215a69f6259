"""Many endpoints, one answer: what does the chain say, as far as it can be checked against itself?"""
