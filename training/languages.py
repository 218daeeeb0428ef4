"""The names of languages by their ISO 639-1 codes, and a guess of the language of a text."""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

LISTED = """
af Afrikaans, am Amharic, an Aragonese, ar Arabic, as Assamese, az Azerbaijani, ba Bashkir, be Belarusian, bg Bulgarian,
bn Bengali, br Breton, bs Bosnian, ca Catalan, cs Czech, cy Welsh, da Danish, de German, dz Dzongkha, el Greek,
en English, eo Esperanto, es Spanish, et Estonian, eu Basque, fa Persian, fi Finnish, fo Faroese, fr French,
fy Western Frisian, ga Irish, gd Scottish Gaelic, gl Galician, gu Gujarati, ha Hausa, he Hebrew, hi Hindi, hr Croatian,
ht Haitian Creole, hu Hungarian, hy Armenian, id Indonesian, ig Igbo, is Icelandic, it Italian, ja Japanese,
jv Javanese, ka Georgian, kk Kazakh, km Khmer, kn Kannada, ko Korean, ku Kurdish, ky Kyrgyz, la Latin, lb Luxembourgish,
lg Ganda, ln Lingala, lo Lao, lt Lithuanian, lv Latvian, mg Malagasy, mk Macedonian, ml Malayalam, mn Mongolian,
mr Marathi, ms Malay, mt Maltese, my Burmese, nb Norwegian Bokmål, ne Nepali, nl Dutch, nn Norwegian Nynorsk,
no Norwegian, oc Occitan, om Oromo, or Odia, pa Punjabi, pl Polish, ps Pashto, pt Portuguese, qu Quechua, ro Romanian,
ru Russian, rw Kinyarwanda, sa Sanskrit, se Northern Sami, si Sinhala, sk Slovak, sl Slovenian, sn Shona, so Somali,
sq Albanian, sr Serbian, st Southern Sotho, sv Swedish, sw Swahili, ta Tamil, te Telugu, tg Tajik, th Thai, tk Turkmen,
tl Tagalog, tr Turkish, tt Tatar, ug Uyghur, uk Ukrainian, ur Urdu, uz Uzbek, vi Vietnamese, vo Volapük, wa Walloon,
xh Xhosa, yo Yoruba, zh Chinese, zu Zulu
"""
NAMES: dict[str, str] = dict(pair.split(maxsplit=1) for pair in LISTED.strip().split(","))


def language_name(code: str) -> str:
    """A language in words; "unknown" for the empty code, and the code itself where it has no name here."""
    return NAMES.get(code, code) or "unknown"


def guessed_language(text: str) -> str:
    """The code of the likeliest language of `text`, from a sample of it; "" where it has no letters."""
    middle = len(text) // 3
    sample = text[middle : middle + 20_000]
    return _identifier().classify(sample)[0] if any(map(str.isalpha, sample)) else ""


@cache
def _identifier() -> LanguageIdentifier:
    """An identifier of the languages that have a name here."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(NAMES.keys() & set(identifier.labels))
    return identifier
