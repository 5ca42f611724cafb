// Package client is what people have on their side of the gateway: a mail program that submits and fetches, and a browser
// without scripts. The demo sends mails with it and the stories are told with it, over the wire and with nothing known of
// the other side but what it shows.
package client
