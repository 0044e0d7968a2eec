"""A video of one's own: where does the face move briefly, in which region, and how sure can one be?"""
