package smtpd

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"pgregory.net/rapid"
)

// TestText holds the reader of DATA to RFC 5321 section 4.5.2 said in four lines, however the octets come and whatever room
// there is for them.
func TestText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		said := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"\r\n", ".", "\r", "\n", "a", "bcd", "\r\n.", "\r\n..", "\x00"}), 0, 40).Draw(t, "said"), "") + "\r\n.\r\nQUIT\r\n"
		whole, after, _ := strings.Cut("\r\n"+said, "\r\n.\r\n")
		want := strings.TrimPrefix(strings.ReplaceAll(whole+"\r\n", "\r\n.", "\r\n"), "\r\n")

		at, got, came, rest := text{fresh: true}, "", "", said
		for end := false; !end; {
			more := rapid.IntRange(min(1, len(rest)), len(rest)).Draw(t, "more")
			came, rest = came+rest[:more], rest[more:]
			room := make([]byte, rapid.IntRange(1, 8).Draw(t, "room"))
			var n, took int
			var err error
			if n, took, end, err = at.copy(room, []byte(came)); err != nil {
				t.Fatal(err)
			}
			got, came = got+string(room[:n]), came[took:]
		}
		if got != want || came+rest != ".\r\n"+after {
			t.Errorf("%q gave %q, want %q; left is %q", said, got, want, came+rest)
		}
	})
}

func TestTextLines(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why, said string
		want      error
	}{
		{"as long as may be", strings.Repeat("x", maxLine-2) + "\r\n", nil},
		{"too long by one", strings.Repeat("x", maxLine-1) + "\r\n", smtp.ErrTooLongLine},
		{"a dot that is not of the message counts", "." + strings.Repeat("x", maxLine-2) + "\r\n", smtp.ErrTooLongLine},
		{"in the middle", "a\r\n" + strings.Repeat("x", maxLine-1) + "\r\nb\r\n", smtp.ErrTooLongLine},
		{"many of the greatest length", strings.Repeat(strings.Repeat("x", maxLine-2)+"\r\n", 3), nil},
	} {
		for _, step := range []int{len(block{}), 1000, 1} {
			at, rest, room := text{fresh: true}, []byte(row.said+".\r\n"), new(block)
			var err error
			for end := false; !end && err == nil; {
				var took int
				_, took, end, err = at.copy(room[:], rest[:min(len(rest), max(step, len(endOfData)))])
				rest = rest[took:]
			}
			if !errors.Is(err, row.want) {
				t.Errorf("%s, by %d: %v", row.why, step, err)
			}
			if _, _, _, again := at.copy(room[:], []byte("\r\n.\r\n")); err != nil && again == nil {
				t.Errorf("%s: it goes on after the error", row.why)
			}
		}
	}
}

// TestHowDATAComes: a client should wait for the reply to DATA, and for others unless it pipelines. If it does not, what it
// said is the same.
func TestHowDATAComes(t *testing.T) {
	t.Parallel()
	const (
		message = "Subject: a\r\n\r\n.\r\n.b\r\nDATA\r\n"
		dotted  = "Subject: a\r\n\r\n..\r\n..b\r\nDATA\r\n.\r\n"
		mail    = "MAIL FROM:<anna@kommun.example>\r\nRCPT TO:<cecil@ut.example>\r\n"
		data    = mail + "DATA\r\n" + dotted
		chunk   = mail + "BDAT 27 LAST\r\n" + message
	)
	for _, row := range []struct {
		why, said string // with a bar where another segment begins
		mails     int
	}{
		{"all at once", data, 1},
		{"DATA by itself", mail + "|DATA\r\n|" + dotted, 1},
		{"DATA with its message", mail + "|DATA\r\n" + dotted, 1},
		{"DATA in two", mail + "DA|TA\r\n" + dotted, 1},
		{"the end in three", mail + "DATA\r\n|" + strings.ReplaceAll(dotted, "\r\n.\r\n", "\r\n.|\r|\n"), 1},
		{"the next mail behind the end", data + data + "|" + mail + "|DATA\r\n|" + dotted + data, 4},
		{"behind chunks", chunk + data + "|" + chunk + "|" + data + chunk, 5},
		{"behind half a chunk", mail + "BDAT 27 LAST\r\n" + message[:24] + "|" + message[24:] + data, 2},
		{"in lower case", mail + "data\r\n" + dotted, 1},
		{"with another line end", mail + "DATA\n" + dotted, 1},
	} {
		for _, octets := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, octet by octet %v", row.why, octets), func(t *testing.T) {
				t.Parallel()
				g := start(t, nil)
				w := g.wire(Connector)
				w.talk("", "220", "EHLO client.example", "250")
				said, split := row.said+"QUIT\r\n", "|"
				if octets {
					said, split = strings.ReplaceAll(said, "|", ""), ""
				}
				for _, part := range strings.Split(said, split) {
					_, _ = io.WriteString(w, part)
				}
				w.gone()
				mails := g.upstream.Mails()
				if len(mails) != row.mails {
					t.Errorf("%d mails, want %d", len(mails), row.mails)
				}
				for _, m := range mails {
					if !strings.HasSuffix(string(m.Data), "\r\n"+message) {
						t.Errorf("passed on: %q", m.Data)
					}
				}
			})
		}
	}
}
