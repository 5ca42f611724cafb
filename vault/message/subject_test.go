package message

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"sigill/policy"
)

func TestCutSubject(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ reason, in, want string }{
		{"plain, at the start", "Subject: [secure] Hej\r\n", "Subject: Hej\r\n"},
		{"plain, after a prefix", "Subject: Re: [secure] Hej\r\n", "Subject: Re: Hej\r\n"},
		{"plain, at the end", "Subject: Hej [secure]\r\n", "Subject: Hej\r\n"},
		{"nothing else: the space after the colon stays", "Subject: [secure]\r\n", "Subject: \r\n"},
		{"the name as it is spelled", "SUBJECT : [secure] Hej\r\n", "SUBJECT : Hej\r\n"},
		{"no space after the colon", "Subject:[secure] Hej\r\n", "Subject:Hej\r\n"},
		{"white space at the end of the line stays", "Subject: [secure] Hej  \r\n", "Subject: Hej  \r\n"},
		{"LF", "Subject: [secure] Hej\n", "Subject: Hej\n"},
		{"raw UTF-8", "Subject: [s\xc3\xa4kert] Hej\r\n", "Subject: Hej\r\n"},
		{"raw windows-1252", "Subject: [s\xe4kert] H\xe4j\r\n", "Subject: H\xe4j\r\n"},
		{"Q: the rest of the word stays octet for octet", "Subject: =?utf-8?Q?[s=c3=a4kert]_H=C3=a4j?=\r\n", "Subject: =?utf-8?Q?H=C3=a4j?=\r\n"},
		{"Q in ISO-8859-1", "Subject: =?iso-8859-1?q?Re:_[s=E4kert]_H=e4j?=\r\n", "Subject: =?iso-8859-1?q?Re:_H=e4j?=\r\n"},
		{"B", "Subject: =?UTF-8?B?" + b64("[säkert] Häj") + "?=\r\n", "Subject: =?UTF-8?B?" + b64("Häj") + "?=\r\n"},
		{"B in windows-1252 stays that", "Subject: =?windows-1252?B?" + b64("[s\xe4kert] H\xe4j") + "?=\r\n", "Subject: =?windows-1252?B?" + b64("H\xe4j") + "?=\r\n"},
		{"a word that becomes empty goes with the space after it", "Subject: =?utf-8?Q?[s=C3=A4kert]?= Hej\r\n", "Subject: Hej\r\n"},
		{"so it does between words, with a fold", "Subject: =?utf-8?Q?[s=C3=A4kert]_?=\r\n =?utf-8?Q?Hej?=\r\n", "Subject: =?utf-8?Q?Hej?=\r\n"},
		{"and at the end", "Subject: =?utf-8?Q?Hej?=\r\n =?utf-8?Q?_[s=C3=A4kert]?=\r\n", "Subject: =?utf-8?Q?Hej?=\r\n"},
		{"the tag in two words", "Subject: =?utf-8?Q?[s=C3=A4?= =?utf-8?Q?kert]_Hej?=\r\n", "Subject: =?utf-8?Q?Hej?=\r\n"},
		{"a letter of the tag in two words", "Subject: =?utf-8?Q?A_[s=C3?= =?utf-8?Q?=A4kert]_Hej?=\r\n", "Subject: =?utf-8?Q?A_?= =?utf-8?Q?Hej?=\r\n"},
		{"a word that holds none of it stays", "Subject: [secure] =?utf-8?Q?H=c3=a4j?= =?x?b?!?=\r\n", "Subject: =?utf-8?Q?H=c3=a4j?= =?x?b?!?=\r\n"},
		{"the space between words was text and stays text", "Subject: =?utf-8?Q?=C3=84?= [secure] =?utf-8?Q?=C3=96?=\r\n", "Subject: =?utf-8?Q?=C3=84?= =?utf-8?Q?_?= =?utf-8?Q?=C3=96?=\r\n"},
		{"words that come to touch get a space that is no text", "Subject: =?utf-8?Q?=C3=84?=[secure]=?utf-8?Q?=C3=96?=\r\n", "Subject: =?utf-8?Q?=C3=84?= =?utf-8?Q?=C3=96?=\r\n"},
		{"the space that keeps a word from text stays", "Subject: =?utf-8?Q?H=C3=A4j_[secure]?= hopp\r\n", "Subject: =?utf-8?Q?H=C3=A4j?= hopp\r\n"},
		{"a fold before the tag stays", "Subject: Hej\r\n [secure] hopp\r\n", "Subject: Hej\r\n hopp\r\n"},
		{"a fold after the tag stays", "Subject: Hej [secure]\r\n hopp\r\n", "Subject: Hej\r\n hopp\r\n"},
		{"a line of its own leaves no empty line", "Subject: Hej\r\n [secure]\r\n hopp\r\n", "Subject: Hej\r\n hopp\r\n"},
		{"a line of its own at the end", "Subject: Hej\r\n [secure]\r\n", "Subject: Hej\r\n"},
		{"the first line", "Subject: [secure]\r\n Hej\r\n", "Subject: Hej\r\n"},
		{"a value on the second line", "Subject:\r\n [secure] Hej\r\n", "Subject:\r\n Hej\r\n"},
		{"a charset that cannot be cut becomes UTF-8 in the same letter", "Subject: =?iso-2022-jp?B?W3NlY3VyZV0gGyRCRnxLXBsoQg==?=\r\n", "Subject: =?utf-8?B?" + b64("日本") + "?=\r\n"},
		{"other fields stay", "X: [secure]\r\nSubject: [secure] a\r\nY: =?x\r\n\r\n", "X: [secure]\r\nSubject: a\r\nY: =?x\r\n\r\n"},
		{"what would become an encoded word is encoded", "Subject: =[secure]?utf-8?q?x?=\r\n", "Subject: =?utf-8?Q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=\r\n"},
	} {
		_, at, found := policy.FindTag(Subjects([]byte(tt.in))[0], policy.DefaultTags)
		if !found {
			t.Errorf("%s: no tag in %q", tt.reason, tt.in)
			continue
		}
		got, err := CutSubject([]byte(tt.in), 0, at)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s:\n got %q %v\nwant %q", tt.reason, got, err, tt.want)
		}
	}
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestCutSubjectTakesTheOneAsked(t *testing.T) {
	t.Parallel()
	in := "Subject: a\r\nX: y\r\nsubject: [secure] b\r\n\r\n"
	got, err := CutSubject([]byte(in), 1, policy.Span{Start: 0, End: 9})
	if want := strings.Replace(in, "[secure] ", "", 1); err != nil || string(got) != want {
		t.Errorf("%q %v, want %q", got, err, want)
	}
	if got, err := CutSubject([]byte(in), 0, policy.Span{}); err != nil || string(got) != in {
		t.Errorf("nothing to cut: %q %v", got, err)
	}
	for _, bad := range []struct {
		n  int
		at policy.Span
	}{{2, policy.Span{End: 1}}, {-1, policy.Span{End: 1}}, {0, policy.Span{End: 2}}, {0, policy.Span{Start: -1, End: 1}}, {0, policy.Span{Start: 1, End: 0}}} {
		if _, err := CutSubject([]byte(in), bad.n, bad.at); !errors.Is(err, ErrSpan) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// A new line is not made too long for SMTP by joining two.
func TestCutSubjectKeepsLinesShort(t *testing.T) {
	t.Parallel()
	in := "Subject: " + strings.Repeat("a", 900) + "[secure]\r\n " + strings.Repeat("b", 900) + "\r\n"
	at := policy.Span{Start: 900, End: 909}
	got, err := CutSubject([]byte(in), 0, at)
	if err != nil || longest(got) > maxLine {
		t.Errorf("%v, longest line %d", err, longest(got))
	}
	if s := Subjects(got)[0]; s != strings.Repeat("a", 900)+strings.Repeat("b", 900) {
		t.Errorf("reads %q", s)
	}
}

// writing is a subject as some mail program writes it: each piece of text plain or as encoded words.
func writing(t *rapid.T, text string) string {
	var out strings.Builder
	word, fold := false, rapid.SampledFrom([]string{" ", "\r\n ", "\r\n\t", "  "})
	for runes := []rune(text); len(runes) > 0; {
		n := rapid.IntRange(1, min(len(runes), 12)).Draw(t, "runes")
		s := string(runes[:n])
		runes = runes[n:]
		kind := rapid.SampledFrom([]string{"plain", "Q", "q", "B", "8859", "2022", "gb"}).Draw(t, "kind")
		encoded := ""
		switch kind {
		case "8859":
			if latin, ok := toLatin(s); ok {
				encoded = "=?ISO-8859-1?Q?" + encodeQ(latin) + "?="
			}
		case "2022", "gb":
			name := map[string]string{"2022": "iso-2022-jp", "gb": "gb18030"}[kind]
			if b, err := charset(name).NewEncoder().String(s); err == nil {
				encoded = "=?" + name + "?B?" + b64(b) + "?="
			}
		case "Q", "q", "B":
			encoded = encodeWords(s, kind[0], fold.Draw(t, "fold"))
		}
		if encoded == "" {
			if strings.ContainsAny(s, "=?") {
				encoded = encodeWords(s, 'Q', " ")
			} else if word && !strings.HasPrefix(s, " ") {
				encoded = encodeWords(s, 'B', " ")
			}
		}
		if encoded == "" {
			// Folds stand before white space, outside the ends.
			if i := strings.IndexByte(s, ' '); i > 0 && rapid.Bool().Draw(t, "folded") && strings.Trim(s[i:], " ") != "" {
				s = s[:i] + "\r\n" + s[i:]
			}
			out.WriteString(s)
			word = false
			continue
		}
		if word {
			out.WriteString(fold.Draw(t, "gap"))
		}
		out.WriteString(encoded)
		word = true
	}
	return out.String()
}

func toLatin(s string) (string, bool) {
	var b []byte
	for _, r := range s {
		if r > 0xff {
			return "", false
		}
		b = append(b, byte(r))
	}
	return string(b), true
}

// However a subject is written: what is cut is what was found, the rest reads as it did, and no other octet of the
// header changes.
func TestCutSubjectProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.StringOfN(rapid.SampledFrom([]rune("abÅäö日🦐  =?_[]:x")), 0, 14, -1)
		tag := rapid.SampledFrom([]string{"[säkert]", "[Secure]", "[ SÄKERT ]", "[sa\u0308kert]", "#säkert", "[secure] [säkert]"}).Draw(t, "tag")
		text := piece.Draw(t, "before") + rapid.SampledFrom([]string{"", " "}).Draw(t, "space") + tag + rapid.SampledFrom([]string{"", " "}).Draw(t, "space") + piece.Draw(t, "after")
		field := "Subject: " + writing(t, strings.Trim(text, " ")) + "\r\n"
		before, after := "From: a@b.se\r\nSubject: other\r\nX: =?utf-8?q?[secure]?=\r\n", "To: c@d.se\r\n\r\n"
		header := []byte(before + field + after)
		subject := Subjects(header)[1]
		_, at, found := policy.FindTag(subject, policy.DefaultTags)
		if !found {
			t.Skip("the tag was made part of something else")
		}
		runes := []rune(subject)
		want := string(runes[:at.Start]) + string(runes[at.End:])
		got, err := CutSubject(header, 1, at)
		if err != nil {
			t.Fatalf("%q: %v", field, err)
		}
		if s := Subjects(got)[1]; s != want && s != strings.Trim(want, " ") {
			t.Fatalf("%q\nbecomes %q\nreads %q, want %q", field, got, s, want)
		}
		if !strings.HasPrefix(string(got), before) || !strings.HasSuffix(string(got), after) {
			t.Fatalf("other fields changed: %q", got)
		}
		cut := strings.TrimSuffix(strings.TrimPrefix(string(got), before), after)
		if len(ParseHeader(got).Fields) != 5 || len(ParseHeader(got).Defects) > 0 {
			t.Fatalf("no valid header: %q", cut)
		}
		for line := range strings.Lines(cut) {
			if strings.Trim(line, " \t\r\n") == "" {
				t.Fatalf("a line of white space: %q", cut)
			}
		}
		moved := at
		if at.Start > 0 && runes[at.Start-1] == runes[at.End-1] {
			moved.Start-- // either of two equal spaces may go
		}
		for _, w := range untouched(field, moved) {
			if !strings.Contains(cut, w) {
				t.Fatalf("%q was to stay as it is in %q, which became %q", w, field, cut)
			}
		}
	})
}

// untouched are the encoded words that hold none of the runes.
func untouched(field string, at policy.Span) (words []string) {
	u := unfold([]byte(field), len("Subject:"))
	x := scanText(u.text)
	for _, p := range x.pieces {
		holds := p.kind != coded || len(p.word.data) == 0
		for i := at.Start; i < at.End && !holds; i++ {
			g := x.glyphs[i]
			holds = g.group == p.group && (x.groups[g.group].opaque || g.from < p.base+len(p.word.data) && g.to > p.base)
		}
		if !holds {
			words = append(words, field[u.from[p.start]:u.from[p.end-1]+1])
		}
	}
	return words
}

func FuzzCutSubject(f *testing.F) {
	f.Add([]byte("Subject: =?utf-8?Q?[s=C3?= =?utf-8?B?pGtlcnRdIHg=?=\r\n y\r\n"), 0, 9)
	f.Add([]byte("Subject:\r\n =?iso-2022-jp?B?W3NlY3VyZV0gGyRCRnxLXBsoQg==?=[secure]\n\r z"), 1, 4)
	f.Add([]byte("a: b\nSubject : \xe4[secure]\xa4=?x?q?a?= =?x?q??= \n\n"), 1, 10)
	f.Fuzz(func(t *testing.T, header []byte, start, end int) {
		for n, s := range Subjects(header) {
			at := policy.Span{Start: start, End: end}
			got, err := CutSubject(header, n, at)
			runes := []rune(s)
			if start < 0 || start > end || end > len(runes) {
				if !errors.Is(err, ErrSpan) {
					t.Fatalf("%v of %d runes: %v", at, len(runes), err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%q %v: %v", header, at, err)
			}
			want := string(runes[:start]) + string(runes[end:])
			if now := Subjects(got); len(now) != len(Subjects(header)) || now[n] != want && now[n] != strings.Trim(want, " \t") {
				t.Fatalf("%q %v becomes %q, which reads %q, want %q", header, at, got, now, want)
			}
			if a, b := ParseHeader(header), ParseHeader(got); len(a.Fields) != len(b.Fields) || len(header)-a.Size != len(got)-b.Size {
				t.Fatalf("%q becomes %q", header, got)
			}
		}
	})
}
