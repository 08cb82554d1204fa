"""NExT-QA's objects, numbered as VQACL numbers them."""

from __future__ import annotations

_NAMES = """
    cat, stingray, cellphone, panda, camera, stool, baby walker, turtle, duck, racket, bottle, cake, aircraft,
    squirrel, bat, chair, faucet, toilet, suitcase, hamster/rat, snowboard, ski, bench, stop sign, baby seat,
    dish, sofa, oven, handbag, bus/truck, refrigerator, microwave, bird, pig, frisbee, chicken, train, baby,
    backpack, motorcycle, skateboard, rabbit, sink, cup, fish, electric fan, fruits, antelope,
    ball/sports ball, bicycle, scooter, car, traffic light, crab, laptop, cattle/cow, lion, adult, piano,
    camel, watercraft, screen/monitor, elephant, toy, guitar, sheep/goat, horse, child, crocodile, bread, dog,
    bear, surfboard, kangaroo, tiger, leopard, table, penguin, snake, vegetables
"""

NEXT_QA_OBJECTS: tuple[str, ...] = tuple(name.strip() for name in _NAMES.split(","))
"""The 80 names. ``bigCate`` 1 is the first."""
