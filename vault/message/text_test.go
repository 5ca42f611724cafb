package message

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecodeText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, in, want string }{
		{"plain", "Hej på dig", "Hej på dig"},
		{"Q in UTF-8", "=?utf-8?q?r=C3=A4ksm=C3=B6rg=C3=A5s?=", "räksmörgås"},
		{"Q in ISO-8859-1", "=?iso-8859-1?Q?r=E4k?=", "räk"},
		{"B in UTF-8", "=?UTF-8?B?csOkaw==?=", "räk"},
		{"B without padding", "=?UTF-8?B?csOkaw?=", "räk"},
		{"an underscore is a space", "=?utf-8?q?a_b?=", "a b"},
		{"white space between words is none (RFC 2047 section 6.2)", "=?utf-8?q?a?= \t =?utf-8?q?b?=", "ab"},
		{"between a word and text it stays", "=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"},
		{"a character split between words, as Outlook does", "=?utf-8?Q?r=C3?= =?utf-8?Q?=A4k?=", "räk"},
		{"the same in base64", "=?utf-8?B?csM=?= =?utf-8?B?pGs=?=", "räk"},
		{"the same between letters of different kind", "=?utf-8?Q?r=C3?= =?UTF-8?B?pGs=?=", "räk"},
		{"words of different charsets", "=?utf-8?q?=C3=A4?= =?iso-8859-1?q?=E5?=", "äå"},
		{"a word without white space around it", "a=?utf-8?q?b?=c", "abc"},
		{"words that touch", "=?utf-8?q?a?==?utf-8?q?b?=", "ab"},
		{"a language (RFC 2231 section 5)", "=?utf-8*sv?q?a?=", "a"},
		{"spaces inside a word", "=?utf-8?q?a b?=", "a b"},
		{"a question mark inside a word", "=?utf-8?q?va?d?=", "va?d"},
		{"a word that is cut off stays", "=?utf-8?q?abc", "=?utf-8?q?abc"},
		{"a word cut off by another", "=?utf-8?q?abc =?utf-8?q?d?=", "=?utf-8?q?abc d"},
		{"a letter that is none", "=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
		{"no charset", "=??q?abc?=", "=??q?abc?="},
		{"an unknown charset is UTF-8 if it is that", "=?x-none?q?=C3=A4?=", "ä"},
		{"and else windows-1252", "=?x-none?q?=E4?=", "ä"},
		{"UTF-8 that is none is windows-1252", "=?utf-8?q?r=E4k?=", "räk"},
		{"raw UTF-8", "r\xc3\xa4k", "räk"},
		{"raw windows-1252", "r\xe4k \x96", "räk –"},
		{"both", "\xc3\xa4\xe4", "ää"},
		{"an octet windows-1252 has not", "a\x81b", "a\ufffdb"},
		{"Shift JIS under its Windows name", "=?cp932?B?k/qWew==?=", "日本"},
		{"ISO-2022-JP", "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"},
		{"GB 2312 split between words", "=?gb2312?B?1tA=?= =?gb2312?B?zsQ=?=", "中文"},
		{"GB 2312 split inside a character", "=?gb2312?B?1tDO?= =?gb2312?B?xA==?=", "中文"},
		{"UTF-7", "=?utf-7?Q?r+AOQ-k?=", "räk"},
		{"control characters are spaces", "=?utf-8?q?a=0D=0Ab=00?=", "a  b "},
		{"junk in Q", "=?utf-8?q?a=zz=4?=", "a=zz=4"},
		{"empty words", "=?utf-8?q??= =?utf-8?b??=", ""},
	} {
		if got := DecodeText(tt.in); got != tt.want {
			t.Errorf("%s: %q is %q, want %q", tt.reason, tt.in, got, tt.want)
		}
	}
}

func TestEncodeWordsAreShortAndRead(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a", " a ", strings.Repeat("räksmörgås 🦐 ", 40), "=?utf-8?q?a?=", "?=_ =5B"} {
		for _, letter := range []byte("BbQq") {
			out := encodeWords(s, letter, "\r\n ")
			if got := DecodeText(strings.ReplaceAll(out, "\r\n", "")); got != s {
				t.Errorf("%c: %q reads %q", letter, s, got)
			}
			for w := range strings.SplitSeq(out, "\r\n ") {
				if len(w) > maxWord {
					t.Errorf("%c: %q has %d octets", letter, w, len(w))
				}
			}
		}
	}
}

func FuzzDecodeText(f *testing.F) {
	for _, s := range []string{"=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "=?utf-16?b?/v8A?=", "=?utf-7?q?+2D3?=", "\xe4=?gb2312?q?=D6?= =?gb2312?q?=D0?=", "=?utf-8?q?a=?=", "=?hz-gb-2312?q?~{?="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := DecodeText(s)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x00") {
			t.Fatalf("%q is %q", s, got)
		}
	})
}
