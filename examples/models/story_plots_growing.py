"""Plots about growing up: learning something, fears, greed, surprises, bedtime.

Data for stories.py; see story_plots_friends.py for how a plot is written.
"""

LEARNING = {
    "topics": [
        "learning to {skill}",
        "practice",
        "never giving up",
        "a {kind} who could not {skill}",
    ],
    "slots": {
        "skill": [
            "swim",
            "ride a bike",
            "whistle",
            "fly a kite",
            "dance",
            "paint",
            "read",
            "skate",
            "climb a tree",
            "play the drum",
            "bake a cake",
            "jump rope",
            "sing",
        ]
    },
    "morals": [
        "practice makes you better",
        "no one can do everything the first time",
        "it is good to try again",
        "hard things get easier every day",
    ],
    "beats": [
        [
            "{hero} wanted to learn how to {skill}.",
            "There was one thing {hero} could not do. {He} could not {skill}.",
            "One {weather} {time}, {hero} saw {a_friend} at {place}. {friend} could {skill} "
            "very well.",
        ],
        [
            '"I want to {skill} too," {he} said.',
            '"It looks so easy," {he} thought.',
        ],
        [
            "{He} tried, but it did not go well at all.",
            "The first time {he} tried, {he} fell on {his} nose.",
            "{He} tried once, and twice, and three times, but {he} could not do it.",
        ],
        [
            '"I can\'t do it," {he} cried. "I will never learn to {skill}."',
            "A {animal} laughed at {him}, and {hero} felt very sad.",
            "{hero} sat down {spot1} and wanted to give up.",
        ],
        [
            '{friend} came and sat next to {him}. "I could not do it at first," {fhe} said.',
            '"Let me show you," said {a_friend}. "You must go slowly."',
        ],
        [
            "So every {time} they went to {place} to practise.",
            "They practised on Monday, on Tuesday, and on all the other days.",
        ],
        [
            "Each day, {hero} got a little better.",
            "Sometimes {he} failed, but {he} tried again and again.",
        ],
        [
            "Then, one {weather} {time}, {he} did it! {hero} could {skill}!",
            "After many days, {hero} could {skill} all by {himself}.",
        ],
        [
            '"Look at me!" {he} called. {friend} cheered and clapped.',
            '"You did it!" shouted {friend}. "I knew that you could do it."',
            "{His} {adult} was very proud of {him}.",
        ],
    ],
}

DARK = {
    "topics": [
        "the dark",
        "being afraid of the dark",
        "the night",
        "a good night",
        "a noise in the night",
    ],
    "slots": {
        "noise": [
            "tap, tap, tap",
            "scratch, scratch",
            "creak, creak",
            "whoo, whoo",
            "thump, thump",
        ],
        "cause": [
            "a branch at the window",
            "a {size} mouse with a nut",
            "an owl in the tree",
            "{his} {thing} that had fallen down",
            "the wind at the door",
            "a kitten who wanted to come in",
        ],
    },
    "morals": [
        "there is nothing to fear in the dark",
        "things are less scary when you look at them",
        "the dark is only a place without light",
        "being brave makes the dark smaller",
    ],
    "beats": [
        [
            "But {hero} was afraid of the dark.",
            "There was only one thing that {hero} did not like, and that was the dark.",
        ],
        [
            "One {weather} night, {he} lay in bed and heard a noise. It went {noise}.",
            'One night, {he} woke up. "{noise}," went something in the dark.',
        ],
        [
            '"What is that?" {he} whispered. {He} pulled the blanket over {his} head.',
            "{hero} was so scared that {he} could not move.",
            '"Maybe it is a monster," {he} thought.',
        ],
        [
            '{friend} was staying for the night. "Did you hear that?" asked {friend}.',
            "{He} woke up {a_friend}, who was sleeping next to {him}.",
        ],
        [
            '"Let\'s go and look together," said {hero} in a small voice.',
            '"I am scared too," said {friend}, "but we can go together."',
        ],
        [
            "They took a lantern and walked slowly through the dark.",
            "Step by step, they went closer to the noise. It came from outside.",
        ],
        [
            "And what did they see? It was only {cause}!",
            "{hero} held up the light. It was {cause}!",
        ],
        [
            'They both laughed. "We were afraid of that?" said {friend}.',
            '{hero} laughed out loud. "That is not scary at all," {he} said.',
        ],
        [
            "They went back to bed and looked at the stars.",
            "After that, {hero} was not afraid of the dark any more.",
            "Then they got back into bed, and soon they were fast asleep.",
        ],
    ],
}

GREEDY = {
    "topics": ["a greedy {kind}", "eating too much", "{food}", "being greedy"],
    "morals": [
        "enough is as good as a feast",
        "it is not good to be greedy",
        "it is better to share than to have a sore tummy",
        "too much of a good thing is bad",
    ],
    "beats": [
        [
            "One {weather} {time}, {his} {adult} put a big plate of {food} on the table.",
            "One {time}, {hero} found a whole basket of {food} near {place}.",
        ],
        [
            '"Only take two," said {his} {adult}. "The others are for the party."',
            '"Those are for everyone," said {a_friend}. "Don\'t eat them all."',
        ],
        [
            "But the {food} smelled so good.",
            "But {hero} could not stop looking at the {food}.",
        ],
        [
            "{He} ate one, then two, then three, and soon they were all gone.",
            "When no one was looking, {he} ate one after the other until there were none left.",
        ],
        [
            'Then {his} tummy began to hurt. "Ouch!" {he} cried.',
            "After that, {he} did not feel well. {His} tummy was as round as a ball.",
        ],
        [
            "{friend} came to {place} to play, but {hero} could not even stand up.",
            "{hero} had to lie in bed while {friend} and the others played at {place}.",
        ],
        [
            '"What happened?" asked {friend}. "I ate all the {food}," said {hero}.',
            '"I am sorry," {he} said to {friend}. "I ate your part too."',
        ],
        [
            "{friend} was a little angry, but {fhe} brought {him} some {soup}.",
            '{friend} shook {fhis} head and smiled. "Next time, think of us too," {fhe} said.',
        ],
        [
            "The next day, {hero} made new {food} for everyone.",
            "When {he} felt better, {he} picked some flowers and gave them to {friend}.",
        ],
    ],
}

BIRTHDAY = {
    "topics": ["a birthday", "a party", "a surprise", "a cake"],
    "morals": [
        "friends do not forget",
        "the best gift is a good friend",
        "it is wise to wait before you are sad",
        "surprises are worth waiting for",
    ],
    "beats": [
        [
            "One {weather} {time}, {hero} woke up and smiled. It was {his} birthday!",
            "It was the birthday of {hero}, and {he} was very excited.",
        ],
        [
            'But {his} {adult} only said, "Good morning."',
            "But no one said a word about it at breakfast.",
        ],
        [
            '"Maybe {friend} remembers," {he} thought, and {he} went to {place}.',
            '{He} went to see {a_friend}. "Hello," said {friend}. "I am very busy today."',
        ],
        [
            'At {place}, {he} met a {animal}. "Do you know what day it is?" asked {hero}. '
            '"It is Friday," said the {animal}.',
            "All day long, no one sang and no one brought a gift.",
        ],
        [
            '{hero} was very sad. "They all forgot," {he} said.',
            "{hero} sat down {spot1}, and a tear ran down {his} face.",
        ],
        [
            "In the evening, {he} walked home slowly. The house was dark.",
            "When it got late, {he} went home and opened the door.",
        ],
        [
            '"Surprise!" Everyone jumped out and shouted.',
            'Suddenly the lights went on. "Happy birthday, {hero}!" they all shouted.',
        ],
        [
            "{friend} was there, and there was a big cake with candles.",
            "There were balloons and {food} and a big cake.",
        ],
        [
            '"We did not forget," said {friend}, and {fhe} gave {him} a {thing}.',
            "{friend} gave {him} a box. Inside was a {thing}!",
        ],
        [
            '"Thank you! This is the best birthday ever," said {hero}.',
            "They danced and sang until late at night.",
        ],
    ],
}

TREASURE = {
    "topics": ["a treasure", "a map", "an adventure", "a secret", "a {size} {kind} and a map"],
    "slots": {
        "found": [
            "an old map",
            "a letter in a bottle",
            "a strange key",
            "a piece of paper with an arrow",
        ],
        "prize": [
            "a box full of {food}",
            "a {thing}",
            'a note that said, "The treasure is your friend"',
            "a picture of {place}",
            "a hundred shiny shells",
            "an old music box",
        ],
    },
    "morals": [
        "the way can be better than the treasure",
        "adventures are better with a friend",
        "it is good to be curious",
        "a true friend is a treasure",
    ],
    "beats": [
        [
            "One {weather} {time}, {hero} found {found} {spot1}.",
            "One {time} at {place}, {he} saw something {spot1}. It was {found}.",
        ],
        [
            '"Maybe it leads to a treasure!" {he} said.',
            '"I wonder what this is for," {he} said.',
        ],
        [
            '{He} showed it to {a_friend}. "Let\'s find out!" said {friend}.',
            '{He} ran to {a_friend}. "Will you come with me?" {he} asked. "Yes!" said ' "{friend}.",
        ],
        [
            "First they [crossed the river on a log|climbed a steep hill|walked through a dark "
            "tunnel|rowed over the lake].",
            "They [walked past the old mill|went over a wooden bridge|crept through a hole in "
            "the fence].",
        ],
        [
            'On the way, they met a {animal}. "Go left at the big tree," said the {animal}.',
            "On the way, {friend} got tired, so {hero} told {fhim} a joke.",
        ],
        [
            "At last, they came to a place with a big {colour} stone.",
            "Then they saw a mark on the ground {spot2}.",
        ],
        [
            "They dug and dug until they hit something hard.",
            '"Dig here!" said {friend}, and {hero} began to dig.',
        ],
        [
            "It was a small chest! Inside, there was {prize}.",
            "They found an old chest and opened it. In it was {prize}.",
        ],
        [
            "{hero} and {friend} looked at each other and laughed.",
            '"This is the best treasure in the world," said {hero}.',
            '"What an adventure!" said {friend}.',
        ],
    ],
}

WISH = {
    "topics": ["a wish", "a magic star", "magic", "a {kind} who wanted to be {other}"],
    "slots": {
        "other": ["big", "small", "fast", "strong", "invisible", "famous"],
        "giver": [
            "a falling star",
            "an old fairy",
            "a magic fish",
            "a kind wizard",
            "a shiny stone",
        ],
    },
    "morals": [
        "it is best to be yourself",
        "everyone is good at something",
        "you should be happy with who you are",
        "a wish is not always what it seems",
    ],
    "beats": [
        [
            "{hero} always wanted to be {other}.",
            '"I wish I were {other}," {hero} said every day.',
        ],
        [
            "One {weather} {time}, {he} met {giver} near {place}.",
            "One {time}, {giver} heard {him} near {place}.",
        ],
        [
            '"You have one wish," a soft voice said. "I want to be {other}!" said {hero}.',
            '"Make a wish," said a voice. {hero} closed {his} eyes and wished to be {other}.',
        ],
        [
            "Poof! The wish came true. {hero} was {other} now.",
            "There was a bright light, and then {hero} was {other}.",
        ],
        [
            "At first it was great fun.",
            '"Now I am the happiest {kind} in the world," {he} said.',
        ],
        [
            "But then {he} met {a_friend}, and {friend} did not know {him} any more.",
            "But when {he} wanted to play with {a_friend}, it did not work at all.",
        ],
        [
            '{hero} was lonely. "I do not want to be {other} any more," {he} said.',
            '"I miss the old {hero}," said {friend} in a sad voice.',
        ],
        [
            "So {he} went back to {place} and asked to be the way {he} was before.",
            '"Please change me back," {he} said, and {he} meant it.',
        ],
        [
            "Poof! {hero} was {himself} again. {friend} ran to {him} and hugged {him}.",
            'In a moment, everything was as before. "There you are!" said {friend}.',
        ],
    ],
}

PLOTS = [LEARNING, DARK, GREEDY, BIRTHDAY, TREASURE, WISH]
