package message

import (
	"bytes"
	"io"
	"runtime"
	"testing"
)

// What an Indexer allocates does not grow with the message. This test is not parallel, since it counts what the whole
// program allocates.
func TestMemoryIsBounded(t *testing.T) {
	const head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	for _, tt := range []struct{ reason, head, unit string }{
		{"one line", head + "--b\r\n\r\n", "x"},
		{"one header line", "X: ", "x"},
		{"one header line of a part", head + "--b\r\nX: ", "x"},
		{"header lines", "", "X: yyyyyyyyyyyyyyyyyyyyy\r\n"},
		{"8-bit header lines", "", "\xc5: \xe4\xe4\xe4\xe4\xe4\xe4\xe4\xe4\xe4\xe4\xe4\r\n"},
		{"addresses", "To: ", "a@b.se, "},
		{"a subject of encoded words", "Subject: ", "=?utf-8?q?=C3=A4?=\r\n "},
		{"parameters", "Content-Type: text/plain", "; a*0*=b"},
		{"parts", head, "--b\r\n\r\n"},
		{"multiparts", head, "--b\r\n" + head},
		{"messages", "", "Content-Type: message/rfc822\r\n\r\n"},
		{"lines that may be boundaries", head, "--bx\r\n"},
		{"empty lines", head + "--b\r\n\r\n", "\r\n"},
		{"base64", "Content-Transfer-Encoding: base64\r\n\r\n", "AAAA=\r\n"},
		{"quoted-printable", "Content-Transfer-Encoding: quoted-printable\r\n\r\n", "=  =41"},
	} {
		small, large := allocated(t, tt.head, tt.unit, 1), allocated(t, tt.head, tt.unit, 3)
		if large > small+128<<10 {
			t.Errorf("%s: %d octets allocated for 1 MiB, %d for 3", tt.reason, small, large)
		}
		if large > 24<<20 {
			t.Errorf("%s: %d octets allocated", tt.reason, large)
		}
	}
}

func allocated(t *testing.T, head, unit string, megabytes int) uint64 {
	block := bytes.Repeat([]byte(unit), 1<<20/len(unit))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	x := NewIndexer(Limits{})
	io.WriteString(x, head)
	for range megabytes {
		x.Write(block)
	}
	ix := x.Close()
	runtime.ReadMemStats(&after)
	within(t, &ix)
	return after.TotalAlloc - before.TotalAlloc
}
