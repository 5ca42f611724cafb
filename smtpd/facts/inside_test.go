package facts

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"sigill/vault/message"
)

func inside(raw string, lenient bool, rest func(io.Reader) io.Reader) *Inside {
	end := message.HeaderEnd([]byte(raw))
	fields := message.ParseHeader([]byte(raw[:end]))
	return NewInside(fields, []byte(raw[:end]), nil, rest(strings.NewReader(raw[end:])), lenient, func(ids []string) (bool, error) {
		if slices.Contains(ids, "broken@x") {
			return false, io.ErrNoProgress
		}
		return slices.Contains(ids, "ours@x"), nil
	})
}

func TestInside(t *testing.T) {
	t.Parallel()
	const mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhej\r\n--b\r\n"
	many := "References: " + strings.Repeat("<a@b> ", maxIDs+1) + "\r\n\r\n"
	for _, tt := range []struct {
		reason, raw string
		lenient     bool
		want        error
	}{
		{"nothing inside", mixed + "\r\nhej\r\n--b--\r\n", false, nil},
		{"one of ours", mixed + "Content-Type: message/rfc822\r\n\r\nMessage-ID: <ours@x>\r\n\r\nhej\r\n--b--\r\n", false, ErrAttached},
		{"one of ours, and nothing of it goes by", mixed + "Content-Type: message/rfc822\r\n\r\nSubject: ours@x\r\nMessage-ID: <ours@x>\r\n\r\nhej\r\n--b--\r\n", false, ErrAttached},
		{"a header without end", mixed + "Content-Type: message/rfc822\r\n\r\n" + strings.Repeat("A: b\r\n", 60<<10), false, ErrUnseen},
		{"a header without end, let by", mixed + "Content-Type: message/rfc822\r\n\r\n" + strings.Repeat("A: b\r\n", 60<<10), true, nil},
		{"a second Message-ID counts too", mixed + "Content-Type: message/rfc822\r\n\r\nMessage-ID: <a@x>\r\nMessage-ID: <ours@x>\r\n\r\n", false, ErrAttached},
		{"it answers one of ours", mixed + "Content-Type: message/rfc822\r\n\r\nIn-Reply-To: ours@x\r\n\r\nhej\r\n--b--\r\n", false, ErrAttached},
		{"the header of a returned message, cut off", "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <ours@x>", false, ErrAttached},
		{"text that is a file by its name", "Content-Type: text/plain; name=\"a.eml\"\r\n\r\nMessage-ID: <ours@x>\r\n\r\n", false, ErrAttached},
		{"another's", mixed + "Content-Type: message/rfc822\r\n\r\nMessage-ID: <a@x>\r\n\r\n", false, nil},
		{"nobody can tell", mixed + "Content-Type: message/rfc822\r\n\r\nMessage-ID: <broken@x>\r\n\r\n", false, io.ErrNoProgress},
		{"deeper than the limits", strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 60), false, ErrUnseen},
		{"deeper than the limits, let by", strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 60), true, nil},
		{"more ids than the limit", mixed + "Content-Type: message/rfc822\r\n\r\n" + many, false, ErrUnseen},
		{"more ids than the limit, let by", mixed + "Content-Type: message/rfc822\r\n\r\n" + many, true, nil},
		{"one of ours behind more than the limit, let by", mixed + "Content-Type: message/rfc822\r\n\r\n" + many + "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <ours@x>\r\n\r\n", true, ErrAttached},
	} {
		for _, cut := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
			i := inside(tt.raw, tt.lenient, cut)
			got, err := io.ReadAll(i)
			if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("%s: %v", tt.reason, err)
			}
			if _, again := i.Read(make([]byte, 1)); err != nil && again != err || err == nil && again != io.EOF {
				t.Errorf("%s: read again: %v", tt.reason, again)
			}
			if tt.want == ErrAttached && bytes.Contains(got, []byte("ours@x")) {
				t.Errorf("%s: of the header %q has gone by", tt.reason, got)
			}
			rest, err := io.ReadAll(i.Unwatched())
			if all := string(got) + string(rest); err != nil || !strings.HasSuffix(tt.raw, all) || message.HeaderEnd([]byte(tt.raw)) != len(tt.raw)-len(all) {
				t.Errorf("%s: %q and %q", tt.reason, got, rest)
			}
		}
	}
	for _, text := range []string{"Subject: x\r\n\r\n", "Content-Type: text/plain; charset=utf-8\r\n\r\n", "Content-Type: text/html\r\n\r\n"} {
		if inside(text+"Message-ID: <ours@x>\r\n", false, iotest.HalfReader) != nil {
			t.Errorf("%q is looked through", text)
		}
	}
}

// FuzzInside reads anything: it ends, gives all octets, and a cut makes no difference.
func FuzzInside(f *testing.F) {
	f.Add("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <ours@x>\r\n\r\n")
	f.Add("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nTWVzc2FnZS1JRDogPG91cnNAeD4NCg0K")
	f.Add("Content-Type: application/octet-stream; name=a.eml\r\n\r\nContent-Type: text/x; name=b.eml\r\n\r\nReferences: <ours@x>\r\n")
	f.Fuzz(func(t *testing.T, raw string) {
		if message.HeaderEnd([]byte(raw)) < 0 {
			return
		}
		var ends [2]error
		for n, cut := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader} {
			i := inside(raw, false, cut)
			if i == nil {
				return
			}
			got, err := io.ReadAll(i)
			rest, _ := io.ReadAll(i.Unwatched())
			if ends[n] = err; !bytes.HasSuffix([]byte(raw), append(got, rest...)) {
				t.Fatalf("%q and %q of %q", got, rest, raw)
			}
		}
		if ends[0] != ends[1] && !errors.Is(ends[0], ErrUnseen) && !errors.Is(ends[1], ErrUnseen) {
			t.Fatalf("%v or %v", ends[0], ends[1])
		}
	})
}

func BenchmarkInside(b *testing.B) {
	line := strings.Repeat("A", 76) + "\r\n"
	for _, tt := range []struct {
		name string
		size int
	}{{"10KB", 10 << 10}, {"10MB", 10 << 20}} {
		raw := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhej\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n" +
			"Content-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat(line, tt.size/len(line)) + "--b--\r\n"
		b.Run(tt.name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			room := make([]byte, 32<<10)
			end := message.HeaderEnd([]byte(raw))
			header := []byte(raw[:end])
			fields := message.ParseHeader(header)
			for b.Loop() {
				i := NewInside(fields, header, nil, strings.NewReader(raw[end:]), false, nil)
				if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{i}, room); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
