// Package dsn reads delivery status notifications (RFC 3464), the bounces that mail systems send.
//
// It promises little memory for whatever comes in, and to give nothing of the bounce but what became of the mail: a bounce
// quotes what it returns. It does not guess: a bounce in no standard form is ErrNoReport, since an automatic answer looks
// no different.
package dsn

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
)

// ErrNoReport means that the mail is no delivery status notification.
var ErrNoReport = errors.New("dsn: not a delivery status notification")

// Report is what became of a mail to one recipient.
type Report struct {
	// Failed tells that it was not delivered and will not be (RFC 3464 section 2.3.3).
	Failed bool
	// Code is the enhanced status (RFC 3463), "" if there is none.
	Code string
}

// Limits: a report is short, and comes before what it returns.
const (
	maxMail   = 1 << 20
	maxParts  = 10
	maxReport = 64 << 10
)

// Parse reads a bounce.
func Parse(r io.Reader) (Report, error) {
	m, err := mail.ReadMessage(bufio.NewReader(io.LimitReader(r, maxMail)))
	if err != nil {
		return Report{}, ErrNoReport
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || !strings.EqualFold(parameters["report-type"], "delivery-status") || parameters["boundary"] == "" {
		return Report{}, ErrNoReport // RFC 6522 section 3
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for range maxParts {
		part, err := parts.NextPart()
		if err != nil {
			return Report{}, ErrNoReport
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if kind == "message/delivery-status" || kind == "message/global-delivery-status" { // RFC 6533 section 3
			return fields(part)
		}
	}
	return Report{}, ErrNoReport
}

// fields reads the groups of fields: one of the mail, then one of each recipient (RFC 3464 section 2.1).
func fields(part *multipart.Part) (Report, error) {
	var body io.Reader = part
	if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "base64") {
		body = base64.NewDecoder(base64.StdEncoding, part)
	}
	r := textproto.NewReader(bufio.NewReader(io.LimitReader(body, maxReport)))
	var out Report
	for n := 0; ; n++ {
		group, err := r.ReadMIMEHeader()
		if n > 0 && len(group) > 0 {
			if one := recipient(group); n == 1 || one.Failed {
				out = one
			}
		}
		switch {
		case err == io.EOF && n > 0 || n == maxParts:
			return out, nil
		case err != nil:
			return Report{}, ErrNoReport
		}
	}
}

var status = regexp.MustCompile(`^\s*([245]\.\d{1,3}\.\d{1,3})\b`)

func recipient(group textproto.MIMEHeader) Report {
	var r Report
	if m := status.FindStringSubmatch(group.Get("Status")); m != nil {
		r.Code = m[1]
	}
	switch action := strings.ToLower(strings.TrimSpace(group.Get("Action"))); action {
	case "failed":
		r.Failed = true
	case "":
		r.Failed = strings.HasPrefix(r.Code, "5")
	}
	return r
}
