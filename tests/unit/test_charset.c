/* links: base dicom */
/* The examples of PS3.5 annexes H, I, J and K, and what the field sends. */
#include "dicom/charset.h"
#include "tests/support/test.h"

static void check(const char *declared, const char *bytes, const char *expected)
{
    char text[256];
    charset_to_utf8(declared, bytes, strlen(bytes), true, text, sizeof text);
    CHECK_EQ_STR(text, expected);
}

TEST(test_charset__ascii_needs_no_declaration)
{
    check("", "Doe^John", "Doe^John");
    check("ISO_IR 100", "Doe^John", "Doe^John");
}

TEST(test_charset__undeclared_is_utf8_or_latin1)
{
    check("", "M\xc3\xbcller", "Müller");
    check("", "M\xfcller", "Müller");
}

TEST(test_charset__single_byte_sets)
{
    check("ISO_IR 100", "Buc^J\xe9r\xf4me", "Buc^Jérôme");
    check("ISO_IR 101", "W\xb3", "Wł");
    check("ISO_IR 109", "\xb1", "ħ");
    check("ISO_IR 110", "\xa2", "ĸ");
    check("ISO_IR 144", "\xbb\xee\xda\x63\x65\xdc\xd1\xe3\xe0\xd3", "Люкceмбург");
    check("ISO_IR 127", "\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار");
    check("ISO_IR 126", "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος");
    check("ISO_IR 138", "\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה");
    check("ISO_IR 148", "\xfd", "ı");
    check("ISO_IR 203", "\xa4", "€");
    check("ISO_IR 166", "\xa1\xd2", "กา");
    check("ISO_IR 13", "\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ");
}

TEST(test_charset__japanese_with_escapes)
{
    check("\\ISO 2022 IR 87",
          "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
          "Yamada^Tarou=山田^太郎=やまだ^たろう");
    check("ISO 2022 IR 13\\ISO 2022 IR 87",
          "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$"
          "B$?$m$&\x1b(J",
          "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう");
}

/* Letters of JIS X 0201's G0, which is ISO_IR 14: with katakana or after an escape they are no plain ASCII text. */
TEST(test_charset__romaji)
{
    check("ISO_IR 13", "TARO \xd4\xcf-1~", "TARO ﾔﾏ-1~");
    check("ISO 2022 IR 13\\ISO 2022 IR 87", "\x1b$B;3ED\x1b(J abc^\xc0\xdb\xb3 X", "山田 abc^ﾀﾛｳ X");
    check("\\ISO 2022 IR 87", "\x1b(JYamada^Tarou=\x1b$B;3ED\x1b(J", "Yamada^Tarou=山田");
}

TEST(test_charset__supplementary_kanji)
{
    check("\\ISO 2022 IR 159", "\x1b$(D\x30\x21\x1b(B^A", "丂^A");
}

TEST(test_charset__korean_returns_at_delimiters)
{
    check("\\ISO 2022 IR 149",
          "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)"
          "C\xb1\xe6\xb5\xbf",
          "Hong^Gildong=洪^吉洞=홍^길동");
}

TEST(test_charset__chinese)
{
    check("\\ISO 2022 IR 58",
          "Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东=");
    check("GB18030", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东=");
    check("GBK", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东=");
    check("ISO_IR 192",
          "Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1=", "Wang^XiaoDong=王^小東=");
}

TEST(test_charset__several_single_byte_sets_by_escapes)
{
    check("ISO 2022 IR 100\\ISO 2022 IR 144", "J\xe9r\xf4me=\x1b-L\xbb\xee", "Jérôme=Лю");
}

TEST(test_charset__invalid_bytes_become_replacements)
{
    check("ISO_IR 192",
          "A\xff"
          "B",
          "A\xef\xbf\xbd"
          "B");
    check("ISO_IR 192", "A\xe7\x8e", "A\xef\xbf\xbd");
    check("ISO 2022 IR 6", "A\xe9", "A\xef\xbf\xbd");
    check("\\ISO 2022 IR 87", "\x1b$B;", "\xef\xbf\xbd");
    check("NOT_A_SET", "A\xe9", "A\xef\xbf\xbd");
}

TEST(test_charset__unknown_escapes_are_swallowed)
{
    check("ISO 2022 IR 100", "A\x1b%GB", "AB");
}

TEST(test_charset__control_characters_are_dropped)
{
    check("",
          "A\x01\x02\x07"
          "B\r\nC",
          "AB\r\nC");
    check("ISO_IR 100",
          "A\x85"
          "B\xe9",
          "ABé");
}

TEST(test_charset__cut_at_a_character)
{
    char text[6];
    charset_to_utf8("ISO_IR 100", "abc\xe9\xe9", 5, false, text, sizeof text);
    CHECK_EQ_STR(text, "abcé");
    charset_to_utf8("ISO_IR 100", "abcd\xe9", 5, false, text, sizeof text);
    CHECK_EQ_STR(text, "abcd");
    charset_to_utf8("ISO_IR 100", "abc", 3, false, text, 1);
    CHECK_EQ_STR(text, "");
}

TEST(test_charset__any_bytes_give_valid_utf8)
{
    static const char *const sets[] = {"",
                                       "ISO_IR 100",
                                       "ISO_IR 192",
                                       "GB18030",
                                       "\\ISO 2022 IR 87",
                                       "ISO 2022 IR 149",
                                       "ISO 2022 IR 13\\ISO 2022 IR 159"};
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        char bytes[24], text[80], again[200];
        for (size_t i = 0; i < sizeof bytes; i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (random >> 28) == 0 ? '\x1b' : (char)(random >> 20);
        }
        charset_to_utf8(sets[round % 7], bytes, sizeof bytes, round & 1, text, sizeof text);
        charset_to_utf8("ISO_IR 192", text, strlen(text), false, again, sizeof again);
        CHECK_EQ_STR(again, text);
    }
}
