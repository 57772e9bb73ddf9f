// Writes variants.json: tokenizers of this folder with other stages around their vocabulary, and what Hugging Face's
// own library (npm package "tokenizers") makes of a few texts. Run with node where that package is installed.
const fs = require('fs');
const path = require('path');
const { Tokenizer } = require('tokenizers');

const kSpaced = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const kTail = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const kPrefixed = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
const kPossessive =
  "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";
const kCased = (end) => '[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+' + end +
  '|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*' + end + '|';
const kCasedTail = '| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const kContractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";

const bytes = (prefix, regex) => ({ type: 'ByteLevel', add_prefix_space: prefix, trim_offsets: true, use_regex: regex });
const sequence = (...list) => ({ type: 'Sequence', pretokenizers: list });
const split = (pattern, behavior = 'Isolated', invert = false) => ({ type: 'Split', pattern, behavior, invert });
const metaspace = (options) => ({ type: 'Metaspace', replacement: '\u2581', ...options });
const decoders = (...list) => ({ type: 'Sequence', decoders: list });
const normalizers = (...list) => ({ type: 'Sequence', normalizers: list });
const kEscape = { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' };
const kPrepend = { type: 'Prepend', prepend: '\u2581' };
const kUnescape = { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' };
const kBytes = { type: 'ByteFallback' };
const kFuse = { type: 'Fuse' };
const kStrip = { type: 'Strip', content: ' ', start: 1, stop: 0 };

const byteLevel = {
  plain: {},
  prefix: { pre_tokenizer: bytes(true, true) },
  prefix_no_regex: { pre_tokenizer: bytes(true, false) },
  no_regex: { pre_tokenizer: bytes(false, false) },
  digits: { pre_tokenizer: sequence({ type: 'Digits', individual_digits: true }, bytes(false, true)) },
  digit_runs: { pre_tokenizer: sequence({ type: 'Digits', individual_digits: false }, bytes(false, true)) },
  punctuation: { pre_tokenizer: sequence({ type: 'Punctuation', behavior: 'Isolated' }, bytes(false, true)) },
  punctuation_runs: { pre_tokenizer: sequence({ type: 'Punctuation', behavior: 'Contiguous' }, bytes(false, true)) },
  spaced: { pre_tokenizer: sequence(split({ Regex: kSpaced }), bytes(false, false)) },
  spaced_removed: { pre_tokenizer: sequence(split({ Regex: kSpaced }, 'Removed', true), bytes(false, false)) },
  prefixed: { pre_tokenizer: sequence(split({ Regex: kPrefixed + '\\p{N}{1,3}' + kTail }), bytes(false, false)) },
  prefixed_removed: { pre_tokenizer: sequence(split({ Regex: kPrefixed + '\\p{N}' + kTail }, 'Removed', true), bytes(false, false)) },
  possessive: { pre_tokenizer: sequence(split({ Regex: kPossessive }), bytes(false, false)) },
  cased: { pre_tokenizer: sequence(split({ Regex: kCased('') + '\\p{N}' + kCasedTail }), bytes(false, false)) },
  cased_contractions: { pre_tokenizer: sequence(
    split({ Regex: kCased(kContractions) + '\\p{N}{1,3}' + kCasedTail }, 'Removed', true), bytes(false, false)) },
  numbers: { pre_tokenizer: sequence(split({ Regex: '\\p{N}{1,3}' }), bytes(false, true)) },
  behind_bytes: { pre_tokenizer: sequence({ type: 'Punctuation', behavior: 'Contiguous' }, bytes(false, true),
    { type: 'Digits', individual_digits: false }, split({ Regex: '[0-9][0-9][0-9]' })) },
  nfc: { normalizer: { type: 'NFC' } },
  ignore_merges: { model: { ignore_merges: true } },
  unknown: { model: { unk_token: 'a' } },
};
const escaped = {
  plain: {},
  prepend: { normalizer: normalizers(kPrepend, kEscape), decoder: decoders(kUnescape, kBytes, kFuse, kStrip) },
  escape: { normalizer: kEscape, decoder: decoders(kUnescape, kBytes, kFuse) },
  nfc_escape: { normalizer: normalizers({ type: 'NFC' }, kEscape) },
  bytes_first: { decoder: decoders(kBytes, kFuse, kUnescape) },
  no_bytes: { model: { byte_fallback: false } },
  no_bytes_no_fuse: { model: { byte_fallback: false, fuse_unk: false } },
};
for (const scheme of ['always', 'first', 'never']) {
  for (const cut of [true, false]) {
    const meta = metaspace({ prepend_scheme: scheme, split: cut });
    escaped[`metaspace_${scheme}_${cut}`] = { normalizer: null, pre_tokenizer: meta, decoder: decoders(kBytes, meta) };
  }
}
// Added tokens with each flag, under any stages.
for (const [name, flags] of Object.entries({
  special: { special: true }, plain: {}, lstrip: { lstrip: true }, rstrip: { rstrip: true },
  both: { special: true, lstrip: true, rstrip: true } })) {
  const added = ['<x>', ' y ', 'hello', '<|x|>', '   '].map((content, i) => ({ id: i, content, single_word: false,
    lstrip: false, rstrip: false, normalized: false, special: false, ...flags }));
  byteLevel['added_' + name] = { added };
  escaped['added_' + name] = { added };
}

const texts = ['', ' ', '  a  ', 'Hello, world!', "isn't THE'LL we\u2019re 'S", 'a1b22c333d4444 12345678', 'x\n\n y \r\n\t z ',
  'foo.bar?!... (x) -- $5', '\u00e9 e\u0301 \u212b \uff21 \ufb01', '\u4e2d\u6587\u65e5\u672c \ud55c\uad6d\uc5b4 \u0928\u092e\u0938\u094d\u0924\u0947',
  '\ud83d\ude00\ud83d\udc68\u200d\ud83d\udc69', '\u00a0\u3000\u2028\u200b', '\u2581a\u2581\u2581b \u2581', "'\u017f \u00bd \u0663 \u2167",
  'theHTTPServer ABCdef A\u0301B \u0301AB x\u02b0Y \u01c5z', "!a?!/\\n// it'S IT'S \u4e2dA\u6587b A's' /\n/",
  'hello <x> world', '<x><x>  <x>', 'a    b <|x|>    ', 'hellohello y  y ', '<s>a</s> <|endoftext|>', '\ufffd\u0000\u001c'];

async function main() {
  const variants = [];
  const some = (list, names) => Object.fromEntries(names.map((name) => [name, list[name]]));
  for (const [base, list] of [['bpe_gpt2', byteLevel], ['spm_llama', escaped],
    ['bpe_qwen', some(byteLevel, ['prefix', 'prefixed_removed', 'added_special', 'added_both'])],
    ['spm_gemma', some(escaped, ['prepend', 'metaspace_first_false', 'no_bytes', 'added_rstrip'])]]) {
    const source = fs.readFileSync(path.join(__dirname, base, 'tokenizer.json'), 'utf8');
    for (const [name, change] of Object.entries(list)) {
      const json = JSON.parse(source);
      const { model, added, ...stages } = change;
      Object.assign(json.model, model);
      const next = 1 + Math.max(...Object.values(json.model.vocab), ...json.added_tokens.map((token) => token.id));
      const numbered = (added || []).map((token) => ({ ...token, id: next + token.id }));
      json.added_tokens.push(...numbered);
      Object.assign(json, stages);
      const tokenizer = Tokenizer.fromString(JSON.stringify(json));
      const cases = [];
      for (const text of texts) {
        const encoding = await tokenizer.encode(text, null, { addSpecialTokens: false });
        const ids = Array.from(encoding.getIds());
        cases.push({ text, ids, decode: await tokenizer.decode(ids, false) });
      }
      variants.push({ base, name, change: { ...change, ...(added && { added: numbered }) }, cases });
    }
  }
  fs.writeFileSync(path.join(__dirname, 'variants.json'), '[\n' + variants.map((v) => JSON.stringify(v)).join(',\n') + '\n]\n');
}
main();
