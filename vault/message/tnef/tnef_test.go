package tnef

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"
)

// The writer of these tests.

func le(parts ...any) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		if s, ok := p.(string); ok {
			p = []byte(s)
		}
		_ = binary.Write(&b, binary.LittleEndian, p) // a buffer never fails
	}
	return b.Bytes()
}

func file(attributes ...[]byte) []byte {
	version := attr(1, 0x00089006, le(uint32(0x10000)))
	page := attr(1, 0x00069007, le(uint32(1252), uint32(0)))
	return le(uint32(Signature), uint16(1), version, page, bytes.Join(attributes, nil))
}

func attr(level byte, id uint32, data []byte) []byte {
	sum := uint16(0)
	for _, c := range data {
		sum += uint16(c)
	}
	return le(level, id, uint32(len(data)), data, sum)
}

func props(list ...[]byte) []byte { return le(uint32(len(list)), bytes.Join(list, nil)) }

func prop(kind, id uint16, data []byte) []byte {
	return le(kind, id, uint32(1), uint32(len(data)), data, make([]byte, -len(data)&3))
}

func wide(s string) []byte { return le(utf16.Encode([]rune(s + "\x00"))) }

func attached(name, long string, data []byte, more ...[]byte) []byte {
	return bytes.Join([][]byte{
		attr(2, attAttachRenderData, make([]byte, 14)), attr(2, attAttachTitle, []byte(name+"\x00")), attr(2, attAttachData, data),
		attr(2, attAttachProperties, props(append(more, prop(kindUnicode, propAttachLongName, wide(long)))...)),
	}, nil)
}

// stored is RTF in the compressed form, with literals alone and the reference that ends it.
func stored(rtf string) []byte {
	at := len(dictionary)
	var b []byte
	for i := 0; i <= len(rtf); i += 8 {
		run := rtf[i:min(len(rtf), i+8)]
		if len(run) == 8 {
			b = append(append(b, 0), run...)
			at += 8
			continue
		}
		b = append(append(b, 1<<len(run)), run...)
		b = binary.BigEndian.AppendUint16(b, uint16((at+len(run))%window<<4))
	}
	return le(uint32(len(b)+12), uint32(len(rtf)), uint32(compressed), checksum(b), b)
}

func TestDecode(t *testing.T) {
	t.Parallel()
	png := bytes.Repeat([]byte{0x89, 'P', 'N', 'G', 0, 1, 2}, 100)
	inner := file(attr(1, attSubject, []byte("inner\x00")), attached("inner.txt", "inner.txt", []byte("in")))
	odd := [][]byte{
		le(uint16(0x0003), uint16(0x0e07), uint32(7)),                       // a number
		le(uint16(0x000b), uint16(0x0e1f), uint32(1)),                       // a boolean, padded
		le(uint16(0x0040), uint16(0x0e06), uint64(7)),                       // a time
		le(uint16(0x1003), uint16(0x1111), uint32(2), uint32(1), uint32(2)), // several numbers
		le(uint16(0x001f), uint16(0x8001), make([]byte, 16), uint32(1), uint32(6), wide("ab"), uint16(0), uint32(1), uint32(2), uint16(0), uint16(0)), // by name
		le(uint16(0x0003), uint16(0x8002), make([]byte, 16), uint32(0), uint32(9), uint32(7)),                                                         // by number
	}
	all := file(
		attr(1, attSubject, []byte("\xc4rende\x00")),
		attr(1, attMessageProperties, props(append(odd, prop(kindUnicode, propBody, wide("Hej å")), prop(kindBinary, propHTML, []byte("<p>Hej")),
			prop(kindBinary, propRTF, stored(`{\rtf1 Hej på dig, du gamla}`)))...)),
		attached("KORT~1.PNG", "Ett långt namn.png", png, prop(kindString8, propAttachType, []byte("image/png\x00")), prop(kindUnicode, propAttachContentID, wide("a@b"))),
		attached("tom.txt", "tom.txt", nil),
		attr(2, attAttachRenderData, make([]byte, 14)),
		attr(2, attAttachProperties, props(prop(kindObject, propAttachData, append(make([]byte, 16), inner...)))),
	)
	got, err := Decode(all)
	if err != nil {
		t.Fatal(err)
	}
	want := Message{
		Subject: "Ärende", Text: "Hej å", HTML: []byte("<p>Hej"), RTF: []byte(`{\rtf1 Hej på dig, du gamla}`),
		Attachments: []Attachment{
			{"Ett långt namn.png", "image/png", "a@b", png}, {"tom.txt", "", "", []byte{}}, {"inner.txt", "", "", []byte("in")},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if _, err := Decode([]byte("PK\x03\x04 no such file")); !errors.Is(err, ErrFormat) {
		t.Errorf("another file: %v", err)
	}

	// Cut anywhere, what is whole is given, and what is not is told; no octet changed makes it panic.
	for n := 6; n < len(all); n++ {
		m, err := Decode(all[:n])
		if err != nil || len(m.Attachments) > 3 {
			t.Fatalf("cut at %d: %v", n, err)
		}
		changed := bytes.Clone(all)
		changed[n] ^= 0xff
		if _, err := Decode(changed); err != nil {
			t.Fatalf("changed at %d: %v", n, err)
		}
	}
	if m, _ := Decode(all[:len(all)-1]); len(m.Defects) != 1 || len(m.Attachments) != 3 {
		t.Errorf("cut at the end: %q, %d attachments", m.Defects, len(m.Attachments))
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	deep := file(attached("a", "a", []byte("x")))
	for range 10 {
		deep = file(attr(2, attAttachRenderData, nil), attr(2, attAttachProperties, props(prop(kindObject, propAttachData, append(make([]byte, 16), deep...)))))
	}
	for reason, b := range map[string][]byte{
		"too many attachments":                file(bytes.Repeat(attr(2, attAttachRenderData, nil), maxAttachments+2)),
		"the file breaks off":                 file(bytes.Repeat(attr(1, 0x00010000, nil), maxAttributes+1)),
		"too many messages in messages":       deep,
		"too many properties":                 file(attr(1, attMessageProperties, props(bytes.Split(bytes.Repeat(le(uint16(3), uint16(1), uint32(0x2c2c2c2c)), maxProperties+1), []byte("no"))...)), attr(1, attMessageProperties, le(uint32(maxProperties+1), bytes.Repeat(le(uint16(3), uint16(1), uint32(0)), maxProperties+1)))),
		"the RTF text cannot be decompressed": file(attr(1, attMessageProperties, props(prop(kindBinary, propRTF, le(uint32(12), uint32(maxRTF+1), uint32(compressed), uint32(0)))))),
		"a checksum is wrong":                 append(file(), le(byte(1), uint32(attSubject), uint32(1), byte('x'), uint16(0))...),
	} {
		m, err := Decode(b)
		if err != nil || !strings.Contains(strings.Join(m.Defects, "|"), reason) {
			t.Errorf("%s: %v %q", reason, err, m.Defects)
		}
	}
}

// The example of [MS-OXRTFCP] section 3.1.
func TestCompressedRTF(t *testing.T) {
	t.Parallel()
	if len(dictionary) != 207 {
		t.Fatalf("the dictionary has %d octets", len(dictionary))
	}
	example := []byte{
		0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 'L', 'Z', 'F', 'u', 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a, 0x00, 0x72, 0x63, 0x70, 0x67,
		0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64,
		0x7d, 0x0a, 0x80, 0x0f, 0xa0,
	}
	got, err := decompress(example, 100)
	if want := "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"; err != nil || string(got) != want {
		t.Errorf("%q %v", got, err)
	}
	if _, err := decompress(example, 10); err == nil {
		t.Error("the limit does not count")
	}
	example[20] ^= 1
	if _, err := decompress(example, 100); err == nil {
		t.Error("the checksum does not count")
	}
}

// Debian's tnef extracts the same files.
func TestAgainstTNEF(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("tnef")
	if err != nil {
		t.Skip("tnef (Debian package tnef) is not installed")
	}
	whole := file(
		attr(1, attSubject, []byte("Hej\x00")),
		attr(1, attMessageProperties, props(le(uint16(3), uint16(0x0e07), uint32(7)), prop(kindBinary, propRTF, stored(`{\rtf1 Hej}`)))),
		attached("a.txt", "a long name.txt", []byte("text\r\n")), attached("b.bin", "b.bin", bytes.Repeat([]byte{0, 255}, 5000)), attached("c.txt", "c.txt", []byte("x")),
	)
	dir := t.TempDir()
	cmd := exec.Command(program, "--directory", dir, "--save-body=body", "--body-pref=r")
	cmd.Stdin = bytes.NewReader(whole)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tnef: %v %s", err, out)
	}
	m, err := Decode(whole)
	if err != nil || len(m.Defects) > 0 {
		t.Fatal(err, m.Defects)
	}
	ours := map[string]string{"body.rtf": string(m.RTF)}
	for _, a := range m.Attachments {
		ours[a.Name] = string(a.Data)
	}
	theirs := map[string]string{}
	files, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		theirs[filepath.Base(f)] = string(b)
	}
	if !reflect.DeepEqual(ours, theirs) {
		t.Errorf("ours: %.300q\ntheirs: %.300q", ours, theirs)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(file(attr(1, attMessageProperties, props(prop(kindBinary, propRTF, stored("{}")))), attached("a", "b", []byte("x"))))
	f.Add(file(attr(2, attAttachRenderData, nil), attr(2, attAttachProperties, props(prop(kindObject, propAttachData, append(make([]byte, 16), file()...))))))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if (err == nil) != Is(b) {
			t.Fatal(err)
		}
		size := 0
		for _, a := range m.Attachments {
			size += len(a.Data)
		}
		if size > len(b) || len(m.RTF) > 20*len(b) {
			t.Fatalf("%d octets of %d", size, len(b))
		}
	})
}
