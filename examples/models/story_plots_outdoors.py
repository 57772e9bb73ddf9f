"""Plots that happen outside: getting lost, storms, races, building, planting.

Data for stories.py; see story_plots_friends.py for how a plot is written.
"""

LOST_IN_WOODS = {
    "stranger": True,
    "topics": ["getting lost", "an adventure", "finding the way home", "being brave"],
    "slots": {
        "lure": ["butterfly", "bright light", "pretty bird", "rolling apple", "funny sound"],
        "guide": ["the moon", "the river", "the stars", "a song", "the smell of {food}"],
    },
    "morals": [
        "it is best to stay close to home",
        "it is good to stay calm when you are lost",
        "there is always a way home",
        "being brave means to go on when you are afraid",
    ],
    "beats": [
        [
            "One {weather} {time}, {hero} followed a {lure} far into the woods.",
            "One {time}, {he} saw a {lure} and went after it, deeper and deeper into the trees.",
        ],
        [
            "When {he} looked around, {he} did not know where {he} was.",
            "Soon {he} could not see the path any more. {He} was lost.",
        ],
        [
            'The trees were tall and dark. "I want to go home," {he} whispered.',
            "It was getting dark, and {hero} began to cry.",
            '"Hello? Is anyone there?" {he} called. No one answered.',
        ],
        [
            "Then {he} met {a_friend}, who was resting {spot1}.",
            "Just then, {a_friend} came out from behind a tree.",
        ],
        [
            '"Are you lost?" asked {friend}. {hero} nodded.',
            '"Please, can you help me find my way home?" asked {hero}.',
        ],
        [
            '"Follow {guide}," said {friend}. "I will come with you."',
            '"I know what to do," said {friend}. "We must follow {guide}."',
        ],
        [
            "So they walked hand in hand and followed {guide}, [over a hill|past a big "
            "rock|across a small bridge|through the tall grass].",
            "They followed {guide} for a long time. {hero} was not so afraid now.",
        ],
        [
            "At last, {he} saw {his} home. {His} {adult} was waiting at the door.",
            "Soon {he} could hear {his} {adult} calling {his} name.",
        ],
        [
            '"I was so worried about you!" said {his} {adult} and held {him} tight.',
            '"Thank you, {friend}!" said {hero}. "Please stay for dinner."',
        ],
        ["?", "That evening, they all ate {food} together.", "{friend} got a {thing} as a gift."],
    ],
}

STORM = {
    "topics": ["a storm", "thunder", "being afraid", "rain", "a brave {kind}"],
    "slots": {"shelter": ["a cave", "an old barn", "a hollow tree", "a small hut", "a tent"]},
    "morals": [
        "storms do not last for ever",
        "it is easier to be brave with a friend",
        "after the rain comes the sun",
        "it is all right to be afraid",
    ],
    "beats": [
        [
            "One {time}, {hero} and {a_friend} went to {place} to play.",
            "One {weather} {time}, {hero} met {a_friend} at {place}.",
        ],
        [
            "All at once, the sky turned dark, and it started to rain.",
            "Then big black clouds came, and the wind began to blow.",
        ],
        [
            "Boom! The thunder was very loud, and {hero} was afraid.",
            "There was a flash of light and a loud boom. {hero} covered {his} ears.",
        ],
        [
            '"Quick! Let\'s hide in {shelter}!" said {friend}.',
            "They ran and ran until they found {shelter}.",
        ],
        [
            "Inside, it was dry but very dark. {hero} was shaking.",
            "{hero} sat in the corner and held {his} {thing} tight.",
        ],
        [
            '"When I am afraid, I sing a song," said {friend}. So they sang together.',
            '"Let\'s count how long it takes until the thunder comes," said {friend}. They '
            "counted together.",
            "{friend} told a funny story about a {animal} who could not stop dancing.",
        ],
        [
            "Little by little, {hero} was not afraid any more.",
            "Soon {hero} began to laugh, and {he} forgot about the storm.",
        ],
        [
            "After a while, the rain stopped, and the sun came out.",
            "At last, the storm was over, and it was quiet.",
        ],
        [
            "There was a beautiful rainbow over {place}.",
            '"Look! A rainbow!" said {hero}. It was big and bright.',
            "They jumped in all the puddles on the way home.",
        ],
    ],
}

RACE = {
    "topics": ["a race", "winning and losing", "running", "a fast {rival}"],
    "slots": {
        "rival": ["hare", "horse", "dog", "deer", "pony"],
        "prize": ["a golden cup", "a big cake", "a blue ribbon", "a basket of {food}"],
    },
    "morals": [
        "helping a friend is better than winning",
        "it is not important who comes first",
        "those who never give up can do great things",
        "slow and steady can win the race",
    ],
    "beats": [
        [
            "One {weather} {time}, there was a big race at {place}. The prize was {prize}.",
            "One {time}, everyone came to {place} for a race. The winner would get {prize}.",
        ],
        [
            '"I want to win," said {hero}. {a_friend} wanted to win too.',
            "{hero} wanted to win very much, but {he} was not very fast.",
        ],
        [
            '"You are too slow," laughed a {rival}. "I will win."',
            'A proud {rival} said, "No one is as fast as I am."',
        ],
        [
            '"One, two, three, go!" The race began.',
            "The bell rang, and they all started to run.",
        ],
        [
            "The {rival} ran so fast that soon no one could see the {rival} any more.",
            "{hero} ran as fast as {he} could, and {he} did not stop.",
        ],
        [
            "Then {hero} saw {a_friend} on the ground. {Fhe} had fallen and hurt {fhis} leg.",
            "Halfway, {a_friend} tripped over a stone and fell down.",
        ],
        [
            '{hero} stopped. "Are you all right? Let me help you," {he} said.',
            "{hero} wanted to go on, but {he} could not leave {friend} alone.",
        ],
        [
            "{hero} helped {friend} to stand up, and they walked on side by side.",
            "{He} held the hand of {friend}, and they went on together.",
        ],
        [
            "The {rival} was so sure to win that the {rival} had fallen asleep {spot1}!",
            "They came last, but everyone clapped and cheered for them.",
        ],
        [
            '"You have a kind heart," said {his} {adult}, and {hero} got {prize}.',
            "In the end, {hero} and {friend} shared {prize}.",
        ],
    ],
}

BUILDING = {
    "topics": ["building a {built}", "a {built}", "working together", "not giving up"],
    "slots": {
        "built": [
            "boat",
            "tree house",
            "snowman",
            "sand castle",
            "kite",
            "wagon",
            "bridge",
            "tent",
        ],
        "part": ["wood", "sticks", "string", "leaves", "stones", "paper"],
    },
    "morals": [
        "it is fun to work together",
        "if something breaks, you can try again",
        "good things take time",
        "two heads are better than one",
    ],
    "beats": [
        [
            "One {weather} {time}, {hero} wanted to make a {built}.",
            'One {time}, {hero} had a great idea. "I will make a {built}!" {he} said.',
        ],
        [
            '{He} asked {a_friend} to help. "What fun!" said {friend}.',
            "{a_friend} came to help with some {part}.",
        ],
        [
            "They went to {place} to find what they needed.",
            "They worked hard all {time}. {hero} did the big things, and {friend} did the small "
            "things.",
        ],
        [
            "Soon the {built} was almost ready. It looked very fine.",
            "After a long time, the {built} was done. They were so proud.",
        ],
        [
            "But then a strong wind came, and the {built} fell apart.",
            "But when they tried it, it broke into pieces.",
            "Then {friend} slipped and fell on the {built}. Crack! It broke.",
        ],
        [
            '"All our work is gone," said {hero}. {He} wanted to cry.',
            '{hero} was angry and kicked a stone. "It is no use," {he} said.',
            '"I am so sorry," said {friend} in a sad voice.',
        ],
        [
            '"We can make it again," said {friend}, "and this time it will be stronger."',
            '{His} {adult} came to look. "Try again, and use more {part}," {ahe} said.',
        ],
        [
            "So they started again. They used more {part} and worked slowly.",
            "They tried again, and this time they were very careful.",
        ],
        [
            "In the evening, the new {built} was ready. It was even better than before!",
            "At last, the {built} was strong and beautiful.",
        ],
        [
            '"We did it!" they [shouted|cheered].',
            "They painted it {colour} and put a little flag on top.",
            "Everyone at {place} came to see it.",
        ],
    ],
}

PLANTING = {
    "topics": ["a seed", "planting a garden", "waiting", "a {plant}", "growing things"],
    "slots": {"plant": ["sunflower", "apple tree", "pumpkin", "rose", "bean plant", "pear tree"]},
    "morals": [
        "good things come to those who wait",
        "small things can grow into big things",
        "a little care every day makes things grow",
        "it is good to be patient",
    ],
    "beats": [
        [
            "One {weather} {time}, {hero} found a tiny seed {spot1}.",
            "One {time} in spring, {his} {adult} gave {him} a small seed.",
        ],
        [
            '"What will it be?" {he} asked. "Put it in the ground and wait," said {his} '
            "{adult}.",
            "{He} made a little hole in the ground near {place} and put the seed inside.",
        ],
        [
            "Every day, {he} gave it water and talked to it.",
            "{He} gave it water every morning and sang it a song every evening.",
        ],
        [
            'But nothing happened. "Why does it not grow?" asked {hero}.',
            "One day passed, then two, then three. There was nothing to see.",
        ],
        [
            '{hero} was sad. "I want to dig it up," {he} said.',
            '"Maybe it is a bad seed," {he} thought.',
        ],
        [
            '"Don\'t give up," said {a_friend}. "Seeds need time."',
            '{a_friend} came to look. "You must be patient," said {friend}.',
        ],
        [
            "So {hero} waited and waited. {friend} came to help with the water.",
            "{hero} waited a little longer, through sun and rain.",
        ],
        [
            "Then, one {weather} morning, there was a small green leaf!",
            'One morning, {he} saw something green. "It is growing!" {he} shouted.',
        ],
        [
            "It grew and grew until it was a beautiful {plant}.",
            "Week after week it grew, and in summer it was a big {plant}.",
        ],
        [
            "{hero} and {friend} danced around the {plant}.",
            "Everyone came to see the {plant}, and {hero} was very proud.",
        ],
    ],
}

PLOTS = [LOST_IN_WOODS, STORM, RACE, BUILDING, PLANTING]
