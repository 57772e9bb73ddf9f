"""Plots about being with others: lost things, sharing, helping, honesty, new friends.

Data for stories.py. A beat is a list of sentences that can stand for each other ("?" first: the
beat may be left out); {slot}s are fixed for a story, [a|b] is free. Topics complete the request
"Tell me a story about ...".
"""

LOST_THING = {
    "topics": ["a lost {toy}", "losing something", "a {thing}", "finding things"],
    "morals": [
        "good friends help each other",
        "it is good to keep looking",
        "two can look better than one",
        "it is wise to take care of {his} things",
        "a friend is worth more than any {toy}",
    ],
    "beats": [
        [
            "One {weather} {time}, {hero} could not find {his} {thing}.",
            "One {time}, {hero} came back from {place} and saw that {his} {thing} was gone.",
            "But one {weather} {time}, {his} {thing} was missing.",
            "One {time}, {his} {thing} was lost.",
        ],
        [
            '"Oh no! Where is my {toy}?" {he} [cried|asked|said].',
            '{He} felt very sad. "I want my {toy} back," {he} said.',
            '"I had my {toy} this morning," {he} said, and {he} began to cry.',
        ],
        [
            "{He} looked {spot1}, but the {toy} was not there.",
            "First {he} looked {spot1}. There was only [a leaf|an old shoe|a stone|some dust].",
        ],
        [
            'Then {a_friend} came by. "What is wrong?" asked {friend}.',
            '{He} asked {a_friend} for help. "Of course I will help you," said {friend}.',
            '{a_friend} saw that {hero} was sad. "Don\'t cry. We will look together," said '
            "{friend}.",
        ],
        [
            "They looked {spot2}, but they did not find it.",
            "Together they went to {place} and looked {spot2}. The {toy} was not there.",
        ],
        [
            "Then {friend} saw something {colour} {spot3}. It was the {toy}!",
            "At last, {hero} looked {spot3}, and there was the {thing}!",
            '"Look!" [shouted|called] {friend}. The {thing} was {spot3}.',
        ],
        [
            '{hero} [jumped|danced] for joy. "Thank you, {friend}!" {he} said.',
            '{hero} hugged {friend}. "Thank you for helping me," {he} said.',
            '"You found it! You are a good friend," said {hero}.',
        ],
        [
            "?",
            "They played with the {toy} until [dinner|the sun went down|it was dark].",
            "{hero} let {friend} hold the {toy} all the way home.",
        ],
    ],
}

SHARING = {
    "topics": ["sharing", "{food}", "being kind", "two friends"],
    "slots": {"bag": ["basket", "bag", "bowl", "box"]},
    "morals": [
        "sharing makes everyone happy",
        "food tastes better when it is shared",
        "it feels good to share",
        "a kind heart is never hungry",
    ],
    "beats": [
        [
            "One {weather} {time}, {hero} had a {bag} full of {food}.",
            "One {time}, {his} {adult} gave {him} a {bag} of {food}.",
            "One {time}, {hero} found a lot of {food} and put them in a {bag}.",
        ],
        [
            '"These are all for me," {he} said.',
            '"I will eat them all," {he} thought.',
            "{He} sat down near {place} to eat them all by {himself}.",
        ],
        [
            "Then {he} saw {a_friend} sitting {spot1}. {friend} looked sad.",
            "Just then, {a_friend} came along. {Fhe} looked tired and hungry.",
            "{a_friend} walked by and looked at the {bag}.",
        ],
        [
            '"What is the matter?" asked {hero}. "I have had nothing to eat today," said '
            "{friend}.",
            '"I am so hungry," said {friend}. "I have no food at all."',
            '"May I have one, please?" asked {friend} in a small voice.',
        ],
        [
            "{hero} looked at the {food}. There were [so many|a lot of them].",
            "{hero} thought for a moment. {He} wanted to keep the {food}, but {he} did not want "
            "{friend} to be sad.",
            "At first, {hero} did not want to share. Then {he} saw how sad {friend} was.",
        ],
        [
            '"Here, take half," said {hero}.',
            '"Please sit with me. We can share," said {hero}.',
            "So {he} gave {friend} half of the {food}.",
        ],
        [
            '{friend} smiled. "Thank you! You are very kind," {fhe} said.',
            '"Thank you, {hero}!" said {friend}, and {fhe} smiled a big smile.',
        ],
        [
            "They sat {spot2} and ate the {food} together.",
            "They ate and talked and laughed until the {bag} was empty.",
        ],
        [
            "?",
            "The next day, {friend} brought some {soup} for {hero}.",
            "The next day, {friend} came back with a {thing} as a gift for {hero}.",
        ],
    ],
}

HELPING_ANIMAL = {
    "topics": ["helping others", "a {other} in trouble", "being kind", "a {other}"],
    "slots": {
        "other": ["bird", "mouse", "turtle", "kitten", "puppy", "duck", "frog", "deer", "bee"],
        "trouble": [
            "stuck in the mud",
            "caught in a net",
            "trapped under a branch",
            "stuck in a hole",
            "caught in a thorn bush",
            "stuck between two rocks",
        ],
    },
    "morals": [
        "even a small kindness can be important",
        "kindness comes back to those who give it",
        "no one is too small to help",
        "it is good to help when someone is in trouble",
    ],
    "beats": [
        [
            "One {weather} {time}, {hero} was walking near {place} when {he} heard a "
            "[soft|small|sad] cry.",
            "One {time}, on the way to {place}, {hero} heard someone call for help.",
            "One {time}, {he} heard a strange sound coming from {place}.",
        ],
        [
            "It was a {other}. The {other} was {trouble}.",
            "{He} looked around and saw a {other} that was {trouble}.",
        ],
        [
            '"Please help me," said the {other}. "I can\'t get out."',
            '"Help! Help!" cried the {other}.',
            "The {other} was afraid and could not move.",
        ],
        [
            '"Don\'t be afraid. I will help you," said {hero}.',
            "{hero} was a little afraid too, but {he} wanted to help.",
            '"Stay still," said {hero} in a gentle voice.',
        ],
        [
            "{He} pulled and pulled, but it was too hard to do alone.",
            "{He} tried once, but {he} was not strong enough.",
        ],
        [
            'So {he} ran to get {a_friend}. "Come quickly!" {he} said.',
            'Then {a_friend} came by and said, "Let me help too."',
        ],
        [
            "Together, {hero} and {friend} pulled as hard as they could, and the {other} was free!",
            "{hero} and {friend} worked together, and soon the {other} was free.",
        ],
        [
            '"Thank you!" said the {other}. "I will never forget you."',
            'The {other} was so happy. "You saved me," the {other} said.',
        ],
        [
            "?",
            "A few days later, {hero} got lost near {place}. The {other} came and showed {him} "
            "the way home.",
            "Some days later, {hero} lost {his} {thing}. The {other} found it and brought it back.",
            "The next {season}, when {hero} was sad, the {other} came to visit and made {him} "
            "smile.",
        ],
    ],
}

HONESTY = {
    "topics": ["telling the truth", "a broken {broken}", "being honest", "saying sorry"],
    "slots": {"broken": ["vase", "cup", "plate", "window", "lamp", "clock", "teapot", "chair"]},
    "morals": [
        "it is always best to tell the truth",
        "the truth makes the heart light",
        "everyone makes mistakes, and it is brave to say so",
        "saying sorry is the first step",
    ],
    "beats": [
        [
            "One {weather} {time}, {hero} was playing with {his} {thing} inside the house.",
            "One {time}, {hero} and {a_friend} were running around in the house.",
        ],
        [
            "Crash! The {broken} of {his} {adult} fell down and broke.",
            "Suddenly there was a loud crash. The {broken} was broken!",
        ],
        [
            '"Oh no," {he} said. "What will I do?"',
            "{hero} was very scared. {He} did not know what to do.",
        ],
        [
            "{He} hid the pieces {spot1} and ran to {place}.",
            "{He} picked up the pieces and hid them {spot1}.",
        ],
        [
            "But {he} could not play. {He} had a bad feeling in {his} tummy.",
            "All day long, {he} thought about the {broken}. {He} could not smile.",
        ],
        [
            '"Why are you so quiet?" asked {friend}. {hero} told {fhim} everything.',
            '{He} told {friend} what was wrong. "You should tell the truth," said {friend}.',
        ],
        [
            'So {hero} went to {his} {adult}. "I broke the {broken}, and I am sorry," {he} said.',
            'At last, {he} went home and said to {his} {adult}, "I am sorry. I broke your '
            '{broken}."',
        ],
        [
            '{His} {adult} looked at {him}. "Thank you for telling me the truth," {ahe} said.',
            '{His} {adult} was not angry. "I am glad that you told me," {ahe} said.',
        ],
        [
            "Together they [fixed the {broken} with glue|cleaned up the pieces].",
            "Then {ahe} gave {him} a hug, and {hero} felt much better.",
        ],
    ],
}

NEW_FRIEND = {
    "topics": ["making friends", "a new friend", "being lonely", "{a_friend}", "friendship"],
    "stranger": True,
    "slots": {"game": ["hide and seek", "tag", "catch", "jump rope", "follow the leader"]},
    "morals": [
        "a smile can start a friendship",
        "it is easy to make a friend when you are kind",
        "everyone needs a friend",
        "being different is not a bad thing",
    ],
    "beats": [
        [
            "But {hero} was lonely, because {he} had no one to play with.",
            "{hero} wished for a friend to play with.",
            "One {time}, {hero} sat alone near {place} and felt lonely.",
        ],
        [
            "Then someone new came to {place}. It was {a_friend}.",
            "The next {time}, {he} saw someone new {spot1}. It was {a_friend}.",
        ],
        [
            "{friend} was shy and did not say a word.",
            "{friend} looked at {hero} and then looked down at the ground.",
            "{friend} was sitting all alone.",
        ],
        [
            "{hero} wanted to say hello, but {he} was shy too.",
            "{hero} did not know what to say at first.",
        ],
        [
            "Then {he} had an idea. {He} rolled {his} {thing} over to {friend}.",
            '{He} took a deep breath and walked over. "Hello, I am {hero}," {he} said.',
            '{He} held out some {food}. "Would you like some?" {he} asked.',
        ],
        [
            '{friend} looked up and smiled. "My name is {friend}," {fhe} said.',
            '"Hello," said {friend} softly. "I am {friend}. I am new here."',
        ],
        [
            '"Do you want to play {game}?" asked {hero}. "Yes, please!" said {friend}.',
            '"Let\'s play {game}," said {hero}, and {friend} clapped {fhis} hands.',
        ],
        [
            "They played {game} all {time} and laughed a lot.",
            "They ran and played {game} until they were both tired.",
        ],
        [
            '"Will you come back tomorrow?" asked {friend}. "Of course!" said {hero}.',
            '"I am so glad I met you," said {friend}. "Me too," said {hero}.',
        ],
    ],
}

SICK_FRIEND = {
    "topics": ["a sick friend", "helping a friend", "caring", "{soup}"],
    "morals": [
        "a little care can make someone feel better",
        "a friend is the best medicine",
        "it is nice to look after each other",
    ],
    "beats": [
        [
            "One {weather} {time}, {hero} went to [see|visit] {a_friend}, but {friend} was in bed.",
            "One {time}, {a_friend} did not come to {place} to play.",
        ],
        [
            '"I am sick," said {friend}. "I can\'t play today."',
            '{friend} had a bad cold and could only say, "Achoo!"',
        ],
        [
            '{hero} felt sorry for {friend}. "What can I do?" {he} wondered.',
            '"I will make you feel better," said {hero}.',
        ],
        [
            "{He} ran home and asked {his} {adult} to help {him} make some {soup}.",
            "So {he} went home and made some {soup} with {his} {adult}.",
        ],
        [
            "{He} also picked some flowers at {place}.",
            "{He} put the {soup} and {his} {thing} in a basket.",
        ],
        [
            "Then {he} carried everything very carefully to the house of {friend}.",
            "It was a long way, but {he} did not spill a drop.",
        ],
        [
            '"This is for you," said {hero}. {friend} smiled for the first time that day.',
            '{friend} had some of the {soup}. "It is so warm and good," {fhe} said.',
        ],
        [
            "{hero} sat by the bed and told {friend} a funny story about a {animal}.",
            "{hero} read a book to {friend} until {fhe} fell asleep.",
        ],
        [
            "The next morning, {friend} felt much better, and they went out to play.",
            'Two days later, {friend} was well again. "Thank you for taking care of me," '
            "{fhe} said.",
        ],
    ],
}

PLOTS = [LOST_THING, SHARING, HELPING_ANIMAL, HONESTY, NEW_FRIEND, SICK_FRIEND]
