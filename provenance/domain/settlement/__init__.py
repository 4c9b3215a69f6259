"""What does each license owe for an epoch, and to whom?

`facts` is what may be known, `judging` what each receipt is, `scoring` who shares, `dues` what is
owed and paid, `carry` what goes on to the next epoch, `documents` what is published, `deciding` all
of it at once. Nothing here reads a clock, a node or a store: whoever has the facts has the bytes.
"""
