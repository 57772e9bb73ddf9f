// Everything a tokenizer and a prompt template need at run time, as plain data.
//
// The converter fills these structs from a checkpoint, the model file stores them, and
// src/text turns them into a `Tokenizer` and a `PromptTemplate`. What differs between vocabularies
// is a value here, never a name in the code. Every enum has an explicit number because the number
// is what the file holds; a reader rejects a number it doesn't know. `Tokenizer::Create` validates
// all.

#ifndef INKLING_SRC_FORMAT_TOKENIZER_DATA_H_
#define INKLING_SRC_FORMAT_TOKENIZER_DATA_H_

#include <cstdint>
#include <string>
#include <vector>

#include "src/format/tool_template_data.h"

namespace inkling {

// How text becomes pieces.
enum class TokenizerKind : uint8_t {
  kCodepointBpe = 1,  // byte-pair encoding that starts from Unicode characters
  kByteLevelBpe = 2,  // byte-pair encoding that starts from bytes; pieces are raw bytes
  kUnigram = 3,       // the segmentation with the highest sum of piece scores
};

// What a piece is for; the numbers are those of the SentencePiece model format.
enum class PieceType : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      // never comes out of text, has no text of its own
  kUserDefined = 4,  // an added token that plain text may contain
  kUnused = 5,       // an id without meaning (a hole in the vocabulary); never comes out of text
  kByte = 6,         // one raw byte (byte fallback); the piece's bytes are that one byte
};

// One pair that byte-pair encoding may join. Ids at or above the number of pieces name
// `hidden_codepoints[id - num_pieces]`.
struct TokenizerMerge {
  int32_t left = 0;
  int32_t right = 0;
  int32_t result = 0;
};

// Which of several possible merges is done first. `merges` is sorted by priority in both cases.
enum class MergePriority : uint8_t {
  kListOrder = 1,    // each merge has a priority of its own: its index
  kResultScore = 2,  // merges whose results have equal scores are equal; the leftmost goes first
};

// Which Unicode normalisation is applied to text before anything else.
enum class UnicodeForm : uint8_t {
  kNone = 1,
  kNfc = 2,       // Unicode canonical composition
  kCharsMap = 3,  // the replacements in `charsmap` (longest match), as SentencePiece stores them
  // The same table as Hugging Face's tokenizers use it: a character with its marks, if all have
  // less than 6 bytes, becomes what its shortest match becomes, the rest of it included; else each
  // character by itself.
  kClusterCharsMap = 4,
};

// Which segments of text get one space (written as U+2581 when spaces are escaped) in front.
// A segment is the text between two added tokens that are recognised before normalisation.
enum class SpacePrefix : uint8_t {
  kNone = 1,
  kFirstSegment = 2,              // only text that nothing stands in front of
  kEverySegment = 3,              // every segment that is not empty
  kFirstSegmentUnlessSpaced = 4,  // as 2, but not if the segment begins with a space already
  kEverySegmentUnlessSpaced = 5,  // as 3, but not if the segment begins with a space already
};

// What each ill-formed byte sequence in the input counts as (always U+FFFD, the number differs).
enum class InvalidUtf8 : uint8_t {
  kReplaceEachByte = 1,        // one U+FFFD for each byte
  kReplaceMaximalSubpart = 2,  // one U+FFFD for each maximal ill-formed subsequence (WHATWG)
};

struct NormalizerData {
  InvalidUtf8 invalid_utf8 = InvalidUtf8::kReplaceMaximalSubpart;
  UnicodeForm unicode_form = UnicodeForm::kNone;
  std::string charsmap;                   // kCharsMap: u32 trie bytes, the trie, NUL-ended strings
  bool remove_extra_whitespaces = false;  // no space at either end, runs become one space
  bool escape_spaces = false;             // ' ' is written U+2581 inside pieces
  SpacePrefix space_prefix = SpacePrefix::kNone;
};

// One stage that cuts text into words; byte-pair encoding never joins across words.
enum class WordSplit : uint8_t {
  // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  kSpacedWords = 1,
  // (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,max_digits}
  // | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
  kPrefixedWords = 2,
  kDigits = 3,           // \p{N} isolated: runs of at most max_digits (0: of any length)
  kAsciiDigitRuns = 4,   // exactly max_digits ASCII digits isolated
  kPunctuation = 5,      // runs of punctuation (ASCII punctuation and \p{P}) isolated
  kEachPunctuation = 6,  // every punctuation character isolated
  kEscapedSpaces = 7,    // before every U+2581
  // As kDigits, but of bytes, those that the byte-level alphabet writes as numbers: the ASCII
  // digits
  // and B2, B3, B9, BC, BD, BE, wherever in a character they stand.
  kByteDigits = 8,
  // As kPrefixedWords without contractions, where a word begins anew at a capital behind a small
  // letter, and behind punctuation follow newlines and slashes. With C = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}
  // \p{M}], S = [\p{Ll}\p{Lm}\p{Lo}\p{M}] and p = [^\r\n\p{L}\p{N}]?, words are p C* S+, else p C+
  // S*.
  kCasedWords = 9,
  kCasedWordsAndContractions = 10,  // kPrefixedWords' contractions end a word
  kSpaceInFront = 11,  // cuts nothing: a word that doesn't begin with a space gets one in front
};

struct WordSplitData {
  WordSplit split = WordSplit::kSpacedWords;
  // kPrefixedWords, kDigits, kAsciiDigitRuns, kByteDigits, kCasedWords and ...AndContractions
  uint32_t max_digits = 0;
};

// A token that is recognised as a whole in text, before words are made.
struct AddedToken {
  int32_t id = 0;
  // What is looked for: in the text as given, or, if match_normalized, in the normalised text
  // (then `content` is in normalised form already).
  std::string content;
  bool match_normalized = false;
  bool special = false;      // left out by decoding that hides special tokens
  bool markup = false;       // only recognised where the caller says that text is markup
  bool strip_left = false;   // swallows white space in front of it
  bool strip_right = false;  // swallows white space behind it
  bool single_word = false;  // only where no letter, digit or other word character is next to it
};

// How runs of pieces that are single bytes become text.
enum class ByteRunText : uint8_t {
  kLossyUtf8 = 1,        // U+FFFD for each maximal ill-formed subsequence, across all pieces
  kReplaceEachByte = 2,  // within a run of kByte pieces: U+FFFD for each ill-formed byte
  kReplaceWholeRun = 3,  // a run of kByte pieces that isn't well-formed: U+FFFD for each byte of it
};

// What happens to a space at the very beginning of decoded text.
enum class LeadingSpace : uint8_t {
  kKeep = 1,
  kStripOne = 2,              // one space of the decoded text
  kStripAllInFirstPiece = 3,  // every space in the first piece
  kStripOnePerPiece = 4,      // one from each piece until there is text
};

struct DecoderData {
  ByteRunText byte_runs = ByteRunText::kLossyUtf8;
  LeadingSpace leading_space = LeadingSpace::kKeep;
  bool unescape_spaces = false;  // U+2581 in pieces is a space
  std::string unknown_text;      // what the unknown piece reads as
};

struct TokenizerData {
  TokenizerKind kind = TokenizerKind::kByteLevelBpe;

  // Piece i is piece_bytes[piece_offsets[i], piece_offsets[i + 1]): UTF-8, or for byte-level kinds
  // raw bytes; piece_offsets has num_pieces + 1 entries, starts at 0 and never decreases.
  std::string piece_bytes;
  std::vector<uint32_t> piece_offsets;
  std::vector<uint8_t> piece_types;  // [num_pieces], values of PieceType
  std::vector<float> piece_scores;   // [num_pieces], or empty where nothing needs them
  // kUnigram: [num_pieces], or empty. Where they are given, sums are made of them in double, and
  // the spelling of a byte piece ("<0x0A>") is a piece of text like others, as Hugging Face's
  // tokenizers have it; without them, in float, as SentencePiece has it.
  std::vector<double> exact_scores;

  std::vector<TokenizerMerge> merges;
  MergePriority merge_priority = MergePriority::kListOrder;
  std::vector<uint32_t> hidden_codepoints;  // characters that take part in merges but are no pieces
  bool whole_words_first = false;  // a word that is a piece is that piece, whatever merges say
  bool byte_fallback = false;      // characters that are no pieces become kByte pieces
  bool fuse_unknown = false;       // neighbouring unknown characters become one unknown piece

  NormalizerData normalizer;
  std::vector<WordSplitData> word_splits;  // applied in order, each to the words of the one before
  std::vector<AddedToken> added_tokens;
  DecoderData decoder;

  // Ids, -1 where the vocabulary has none. `stop_ids` ends generation (end of sequence, end of
  // turn).
  int32_t bos_id = -1;
  int32_t eos_id = -1;
  int32_t unk_id = -1;
  int32_t pad_id = -1;
  std::vector<int32_t> stop_ids;
  bool add_bos = false;  // text at the start of a session begins with bos_id
  bool add_eos = false;  // complete text ends with eos_id
};

// What stands around the text of one role.
struct RoleText {
  std::string prefix;
  std::string suffix;
};

// Where a system instruction goes.
enum class SystemPlacement : uint8_t {
  kNone = 1,             // the template has no place for it: giving one is an error
  kOwnTurn = 2,          // system.prefix + text + system.suffix, before the first user turn
  kInFirstUserTurn = 3,  // the same, between user.prefix and the first user's text
  kInLastUserTurn = 4,   // the same in the last turn, if that is the user's; else nowhere
};

// Which white space at the ends of a text is dropped.
enum class TextTrim : uint8_t {
  kNothing = 0,
  kBothEnds = 1,
  kBegin = 2,
  kEnd = 3,
};

// What a template drops of an answer once the user has spoken again. `begin` and `end` are the
// marks around what the model thought; nothing is dropped from an answer that lacks the ones named.
enum class ThoughtCut : uint8_t {
  kNone = 0,             // nothing
  kThroughLastEnd = 1,   // all up to the last end mark
  kThroughFirstEnd = 2,  // all up to the first end mark
  kBetweenEnds = 3,      // the same, and all from the second end mark on
  kOuterBlock = 4,       // from the first begin mark to the last end mark
  kEveryBlock = 5,       // from each begin mark to the next end mark, or to the end; lone end marks
};

struct PastAnswerData {
  ThoughtCut cut = ThoughtCut::kNone;
  std::string begin;
  std::string end;
  bool needs_begin = false;            // kThroughLastEnd to kBetweenEnds: only with a begin mark
  TextTrim trim = TextTrim::kNothing;  // of what is left where something was dropped
  bool trim_newlines = false;          // `trim` drops newlines alone
};

// How a conversation becomes one text. All strings may contain added tokens (markup); the text of
// users never does. Where a string has a date, the date's format ("%d %b %Y", as in strftime)
// stands between two characters U+001A.
struct PromptTemplateData {
  std::string name;            // what it was recognised as; empty: plain text without turns
  std::string note;            // how it was found, or why it is a fallback; for people
  std::string session_prefix;  // once, at the very beginning (bos when the template writes it)
  RoleText user;
  RoleText model;
  RoleText system;
  SystemPlacement system_placement = SystemPlacement::kNone;
  std::string default_system;     // used when the conversation gives none
  bool system_always = false;     // the system turn is there even when its text is empty
  std::string generation_prompt;  // after the last user turn, before the model speaks
  TextTrim trim_user = TextTrim::kNothing;
  TextTrim trim_model = TextTrim::kNothing;
  TextTrim trim_system = TextTrim::kNothing;
  // kInFirstUserTurn, kInLastUserTurn: system.prefix, both texts and system.suffix are joined
  // first, then trimmed as trim_user says.
  bool trim_system_with_user = false;
  std::vector<std::string> stop_strings;
  std::vector<int32_t> stop_ids;
  bool trim_model_newlines = false;  // trim_model drops newlines alone
  PastAnswerData past_answers;
  // An earlier answer doesn't stand in the text as it was generated: something of it is dropped, or
  // what stands in front of it isn't the generation prompt.
  bool rewrites_answers = false;
  ToolTemplateData tools;
};

}  // namespace inkling

#endif  // INKLING_SRC_FORMAT_TOKENIZER_DATA_H_
