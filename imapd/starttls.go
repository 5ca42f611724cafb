package imapd

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

var (
	errNoTLS    = errors.New("imapd: the client left before TLS")
	errInjected = errors.New("imapd: octets were sent behind STARTTLS in clear")
)

const (
	clearLimit    = 30 * time.Second // for all that is said before TLS
	clearLine     = 1024             // octets of a line before TLS
	clearCommands = 10
)

// startTLS has the few words that are said before TLS (RFC 3501 section 6.2.1) and then makes the connection secure.
// Nothing else is served in clear, so there is no state that could be carried over, and the library never sees it.
func startTLS(ctx context.Context, c net.Conn, config *tls.Config) (*tls.Conn, error) {
	c.SetDeadline(time.Now().Add(clearLimit))
	in := bufio.NewReaderSize(c, clearLine)
	fmt.Fprint(c, "* OK ["+clearCapabilities+"] IMAP server ready, TLS required\r\n")
	for range clearCommands {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, fmt.Errorf("imapd: before TLS: %w", err)
		}
		tag, command, ok := clearCommand(string(line))
		if !ok {
			break
		}
		switch command {
		case "STARTTLS":
			if in.Buffered() > 0 {
				return nil, errInjected // CVE-2011-0411: it would be taken for something said in secret
			}
			fmt.Fprint(c, tag+" OK Begin TLS negotiation now\r\n")
			return handshake(ctx, c, config)
		case "CAPABILITY":
			fmt.Fprint(c, "* "+clearCapabilities+"\r\n"+tag+" OK CAPABILITY completed\r\n")
		case "NOOP":
			fmt.Fprint(c, tag+" OK NOOP completed\r\n")
		case "LOGOUT":
			fmt.Fprint(c, "* BYE Logging out\r\n"+tag+" OK LOGOUT completed\r\n")
			return nil, errNoTLS
		case "LOGIN", "AUTHENTICATE":
			fmt.Fprint(c, tag+" NO [PRIVACYREQUIRED] TLS is required to authenticate\r\n")
		default:
			fmt.Fprint(c, tag+" BAD Only STARTTLS, CAPABILITY, NOOP and LOGOUT before TLS\r\n")
		}
	}
	fmt.Fprint(c, "* BYE TLS is required\r\n")
	return nil, errNoTLS
}

const clearCapabilities = "CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED"

// clearCommand splits a line. A literal is not taken: there is nothing to say with one, and its octets would be commands.
func clearCommand(line string) (tag, command string, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	fields := strings.Fields(line)
	if len(fields) < 2 || len(fields[0]) > 64 || strings.HasSuffix(line, "+}") || strings.ContainsAny(fields[0], "+*(){%\"\\") {
		return "", "", false
	}
	return fields[0], strings.ToUpper(fields[1]), true
}

// handshake makes a connection secure within clearLimit.
func handshake(ctx context.Context, c net.Conn, config *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, clearLimit)
	defer cancel()
	secure := tls.Server(c, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("imapd: TLS handshake: %w", err)
	}
	return secure, c.SetDeadline(time.Time{})
}
