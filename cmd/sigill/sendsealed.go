package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sigill/cmd/sigill/internal/client"
	"sigill/cmd/sigill/internal/demo"
	"sigill/policy"
)

// What the demo writes in the recipient's place and in the staff's.
const (
	answerText     = "Tack för meddelandet. Jag skickar det ni bad om som bilaga."
	answerFile     = "Kopia på beslutet åäö.txt"
	answerBackText = "Tack, då har vi allt som behövs för att gå vidare med ärendet."
)

func (l *letter) open(ctx context.Context, a policy.Address) error {
	notice, err := l.awaitMail(ctx, l.before, a)
	if err != nil {
		return err
	}
	if l.link, err = l.journey.link(notice); err != nil {
		return err
	}
	l.browser = l.journey.browser()
	if l.page, err = l.follow(ctx, l.browser, l.link, l.numbers[a.Key()]); err != nil {
		return err
	}
	return isMessage(l.page)
}

func (l *letter) same(ctx context.Context) error {
	raw, err := l.download(ctx, l.browser, l.page, "/raw")
	if err != nil {
		return err
	}
	return client.SameLessTag(l.raw, raw)
}

func (l *letter) pdf(ctx context.Context) error {
	pdf, err := l.download(ctx, l.browser, l.page, "/pdf")
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		return errors.New("what came is no PDF")
	}
	return nil
}

// strange tries the link as a person who is no recipient.
func (l *letter) strange(ctx context.Context) error {
	for _, p := range append(demo.ThePersons(), demo.Person{Number: demo.SpareNumbers()[0]}) {
		if !l.isRecipient(p.Number) {
			return l.stranger(ctx, l.link, p.Number)
		}
	}
	return errors.New("everybody in the demo is a recipient")
}

func (l *letter) isRecipient(p policy.PersonID) bool {
	for _, n := range l.numbers {
		if n == p {
			return true
		}
	}
	return false
}

func (l *letter) answer(ctx context.Context) error {
	receipt, err := l.reply(ctx, l.browser, l.page, answerText, client.File{
		Name: answerFile, Type: "text/plain; charset=utf-8", Content: []byte("Bilagans text.\n"),
	})
	if err != nil {
		return err
	}
	l.written, err = l.journey.written(ctx, l.browser, receipt)
	if err != nil {
		return err
	}
	if client.Leaks([]byte(answerText), l.written) == nil {
		return errors.New("the text is not in the answer")
	}
	return nil
}

func (l *letter) staffNotice(ctx context.Context) error {
	notice, err := l.awaitMailFor(ctx, l.from, "a staff notice for the answer")
	if err != nil {
		return err
	}
	return errors.Join(client.Leaks(notice.Data, l.raw), client.Leaks(notice.Data, l.written))
}

// awaitMailFor waits for the notice of the answer: the sender may have had one for the hold before.
func (l *letter) awaitMailFor(ctx context.Context, to policy.Address, what string) (demo.Mail, error) {
	after := l.before
	for {
		m, err := l.awaitMail(ctx, after, to)
		if err != nil {
			return m, fmt.Errorf("%s: %w", what, err)
		}
		link, err := l.journey.link(m)
		if err == nil && !strings.Contains(link, "/holds/") {
			return m, nil
		}
		after = m.Number
	}
}

func (l *letter) fetched(ctx context.Context) error {
	_, err := l.inIMAP(ctx, l.sender(), inbox(l.from), l.written)
	return err
}

// answerBack answers the answer as a mail program does: no tag, In-Reply-To.
func (l *letter) answerBack(ctx context.Context) error {
	got, err := l.inIMAP(ctx, l.sender(), inbox(l.from), l.written)
	if err != nil {
		return err
	}
	header, err := client.ReadHeader(l.written)
	if err != nil {
		return err
	}
	answer := client.Canonical([]byte(strings.Join([]string{
		"From: " + l.from.String(), "To: " + header.From.String(), "Subject: Re: svar", "Date: " + time.Now().Format(time.RFC1123Z),
		"Message-ID: <answer-" + got.MessageID + ">", "In-Reply-To: <" + got.MessageID + ">", "References: <" + got.MessageID + ">",
		"MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "", answerBackText,
	}, "\n")))
	before := l.mark()
	if err := l.submission(l.sender()).Send(ctx, client.Mail{From: l.from, To: []policy.Address{header.From}, Raw: answer}); err != nil {
		return err
	}
	notice, err := l.awaitMail(ctx, before, header.From)
	if err != nil {
		return err
	}
	if bytes.Contains(notice.Data, []byte(answerBackText)) {
		return errors.New("the answer left in clear")
	}
	if err := client.Leaks(notice.Data, answer); err != nil {
		return err
	}
	link, err := l.journey.link(notice)
	if err != nil {
		return err
	}
	page, err := l.follow(ctx, l.browser, link, l.numbers[header.From.Key()])
	if err != nil {
		return err
	}
	if err := isMessage(page); err != nil {
		return err
	}
	raw, err := l.download(ctx, l.browser, page, "/raw")
	if err != nil {
		return err
	}
	return client.Same(answer, raw)
}
