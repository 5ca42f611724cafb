package export

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // Swedish time, also where the system has no zones
)

// words are the texts of a page in one language.
type words struct {
	tag, heading, noSubject                            string
	from, to, cc, subject, sent, received, messageID   string
	attachments, receipt, receiptAt, receiptID, digest string
	page, printed, noText                              string
	fenced                                             string // in place of a digest
	box, boxes                                         string // one and several, with the number
	bytes, decimal                                     string
	date                                               func(t time.Time, seconds bool) string
}

func wordsOf(language string) words {
	if language == "en" {
		return english
	}
	return swedish
}

var swedish = words{
	tag: "sv-SE", heading: "Säkert meddelande", noSubject: "(utan ämne)",
	from: "Från", to: "Till", cc: "Kopia", subject: "Ämne", sent: "Skickat", received: "Mottaget", messageID: "Meddelande-id",
	attachments: "Bilagor", receipt: "Kvittens", receiptAt: "Inkom", receiptID: "Kvittensnummer", digest: "SHA-256",
	fenced: "Spärrad: filen kan innehålla skadlig kod och lämnas inte ut.",
	page:   "Sida %d av %d", printed: "Utskrivet %s", noText: "(Meddelandet har ingen text.)",
	box:   "Ett tecken finns inte i dokumentets typsnitt och visas som □. Det finns kvar i originalmeddelandet.",
	boxes: "%s tecken finns inte i dokumentets typsnitt och visas som □. De finns kvar i originalmeddelandet.",
	bytes: "%s byte", decimal: ",", date: swedishDate,
}

var english = words{
	tag: "en", heading: "Secure message", noSubject: "(no subject)",
	from: "From", to: "To", cc: "Copy", subject: "Subject", sent: "Sent", received: "Received", messageID: "Message ID",
	attachments: "Attachments", receipt: "Receipt", receiptAt: "Received", receiptID: "Receipt number", digest: "SHA-256",
	fenced: "Blocked: the file may be malware and is not handed out.",
	page:   "Page %d of %d", printed: "Printed %s", noText: "(The message has no text.)",
	box:   "One character is not in the fonts of this document and shows as □. It is kept in the original message.",
	boxes: "%s characters are not in the fonts of this document and show as □. They are kept in the original message.",
	bytes: "%s bytes", decimal: ".", date: englishDate,
}

var stockholm = sync.OnceValue(func() *time.Location {
	zone, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		return time.UTC
	}
	return zone
})

var months = [...]string{"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober",
	"november", "december"}

// swedishDate writes "8 augusti 2026 kl. 14.05".
func swedishDate(t time.Time, seconds bool) string {
	s := fmt.Sprintf("%d %s %d kl. %02d.%02d", t.Day(), months[t.Month()-1], t.Year(), t.Hour(), t.Minute())
	if seconds {
		s += fmt.Sprintf(".%02d", t.Second())
	}
	return s
}

func englishDate(t time.Time, seconds bool) string {
	if seconds {
		return t.Format("2 January 2006 at 15:04:05")
	}
	return t.Format("2 January 2006 at 15:04")
}

// sizeText writes "1,2 MB (1 234 567 byte)".
func (w words) sizeText(n int64) string {
	exact := fmt.Sprintf(w.bytes, grouped(n))
	for _, u := range []struct {
		name string
		size float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if float64(n) >= u.size {
			short := strings.Replace(strconv.FormatFloat(float64(n)/u.size, 'f', 1, 64), ".", w.decimal, 1)
			return short + " " + u.name + " (" + exact + ")"
		}
	}
	return exact
}

// grouped writes a number with a no-break space between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u00a0" + s[i:]
	}
	return s
}
