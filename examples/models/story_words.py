"""The words that stories are made of: who, where, what. stories.py picks from these lists.

Every list holds things that can replace each other in any sentence, so adding a word here makes
every plot more varied. Names are given with the pronoun they use.
"""

BOY_NAMES = """
Tom Ben Sam Max Leo Jack Tim Finn Noah Luke Oliver Henry Theo Oscar Hugo Milo Jake Dan Adam Felix
Toby Eli Peter Simon Ravi Omar Kofi Diego Marco Ivan
""".split()
GIRL_NAMES = """
Lily Mia Anna Sara Lucy Zoe Emma Rosie Ella Nina Amy Ruby Ivy Clara Molly Daisy Alice Jane Kate
Maya Hana Leila Nora Eva Sofia Grace Tess June Polly Wendy
""".split()
ANIMAL_BOY_NAMES = """
Benny Pip Bruno Rusty Teddy Oswald Hopper Barnaby Chester Fern Bobo Jasper Rocky Tucker Biscuit
Milo Pepper Dusty Otto Waldo Basil Monty Ziggy Sparky
""".split()
ANIMAL_GIRL_NAMES = """
Ruby Bella Hazel Willow Luna Pearl Dotty Honey Maple Clover Penny Tilly Nutmeg Poppy Olive Mimi
Coco Goldie Flora Juniper Misty Ginger Trixie Bramble
""".split()

ANIMALS = """
fox rabbit bear mouse squirrel hedgehog frog duck owl cat dog kitten puppy turtle bird pig sheep
goat horse cow lion tiger elephant monkey penguin dragon deer otter beaver badger bee ladybug
snail butterfly wolf hen goose pony lamb raccoon mole robot unicorn whale crab
""".split()

TRAITS = """
kind brave curious cheerful clever gentle playful shy quiet busy friendly lively merry careful
sleepy funny happy polite
""".split()
SIZES = ["little", "small", "young", "tiny"]
COLOURS = "red blue green yellow orange purple pink white brown silver golden".split()

HOMES = [
    "in a small house by the river",
    "in a cosy house near the forest",
    "in a village by the sea",
    "at the edge of a big forest",
    "on a sunny farm",
    "at the foot of a green hill",
    "near a quiet lake",
    "in a little town",
    "under an old oak tree",
    "beside a wide meadow",
    "in a tall house with a blue door",
    "in a warm little home behind the mill",
]
# Place, and the words that lead there.
PLACES = [
    "the forest",
    "the park",
    "the meadow",
    "the river",
    "the beach",
    "the garden",
    "the lake",
    "the hill",
    "the old bridge",
    "the pond",
    "the farm",
    "the orchard",
    "the market",
    "the mill",
    "the playground",
    "the village square",
]
SPOTS = [
    "under a bush",
    "behind a big rock",
    "under a bench",
    "beside the old fence",
    "near the well",
    "behind the oak tree",
    "in the tall grass",
    "next to a pile of leaves",
    "under the stairs",
    "inside a basket",
    "behind the shed",
    "among the flowers",
    "in a hollow log",
    "by the gate",
]
TOYS = [
    "ball",
    "kite",
    "hat",
    "scarf",
    "bell",
    "boat",
    "drum",
    "book",
    "lantern",
    "button",
    "ribbon",
    "whistle",
    "cup",
    "basket",
    "key",
    "ring",
    "doll",
    "top",
    "balloon",
    "umbrella",
    "toy car",
    "toy train",
    "teddy bear",
    "coat",
    "blanket",
    "marble",
]
FOODS = [
    "apples",
    "berries",
    "cookies",
    "pancakes",
    "honey cakes",
    "carrots",
    "pears",
    "sandwiches",
    "cherries",
    "nuts",
    "muffins",
    "plums",
    "strawberries",
    "buns",
]
SOUPS = ["soup", "tea", "warm milk", "honey", "porridge", "hot chocolate"]
WEATHERS = [
    "sunny",
    "warm",
    "windy",
    "cloudy",
    "bright",
    "cold",
    "foggy",
    "snowy",
    "rainy",
    "quiet",
]
TIMES = ["morning", "day", "afternoon", "evening"]
SEASONS = ["spring", "summer", "autumn", "winter"]
FAMILY = [
    ("mother", "she", "her", "her"),
    ("father", "he", "him", "his"),
    ("grandmother", "she", "her", "her"),
    ("grandfather", "he", "him", "his"),
    ("sister", "she", "her", "her"),
    ("brother", "he", "him", "his"),
    ("aunt", "she", "her", "her"),
    ("uncle", "he", "him", "his"),
]
