package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sigill/web/login"
	"sigill/web/login/saml"
)

// SAML is an identity provider of SAML 2.0, such as those of Sweden Connect.
type SAML struct {
	ID               string        `toml:"id"`
	Name             string        `toml:"name"`
	EntityID         string        `toml:"entity_id"`
	Key              File          `toml:"key"`
	Certificate      File          `toml:"certificate"`
	Provider         string        `toml:"provider"`
	MetadataFile     File          `toml:"metadata_file"`
	MetadataURL      string        `toml:"metadata_url"`
	MetadataSigner   File          `toml:"metadata_signer"`
	MetadataRefresh  time.Duration `toml:"metadata_refresh"`
	Attributes       []string      `toml:"attributes"`
	FormerAttributes []string      `toml:"former_attributes"`
	Accepted         []string      `toml:"accepted"`
	Categories       []string      `toml:"entity_categories"`
	Logo             string        `toml:"logo"`
	Contact          string        `toml:"contact"`
	Origins          []string      `toml:"origins"`
}

func (s *SAML) setDefaults() {
	s.MetadataRefresh = 6 * time.Hour
	s.Attributes, s.FormerAttributes = []string{saml.PersonalIdentityNumber}, []string{saml.PreviousPersonalIdentityNumber}
	s.Accepted, s.Categories, s.Origins = login.DefaultAssurance(), saml.DefaultCategories(), []string{}
}

func (s SAML) check(f faults, whole *Config) {
	_, err := s.Key.ReadKey()
	f.fits("key", needed(s.Key, "the private key of our requests, RSA in PEM", err))
	_, err2 := readCertificate(s.Certificate)
	f.fits("certificate", needed(s.Certificate, "the certificate of key, in PEM; it may be one that we have signed ourselves", err2))
	for key, file := range map[string]File{"metadata_file": s.MetadataFile, "metadata_signer": s.MetadataSigner} {
		if file != "" {
			_, missing := file.Read()
			f.fits(key, missing)
			err = errors.Join(err, missing)
		}
	}
	if err == nil && err2 == nil {
		_, err = s.provider(whole)
		f.fits("", err)
	}
}

// needed is the fault of a file that must be named.
func needed(file File, what string, err error) error {
	if file == "" {
		return errors.New("must be the file of " + what)
	}
	return err
}

func readCertificate(file File) (*x509.Certificate, error) {
	text, err := file.Read()
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return x509.ParseCertificate(block.Bytes)
}

// provider makes the provider. It does not reach for the network.
func (s SAML) provider(whole *Config) (login.Provider, error) {
	c := saml.Config{
		ID: s.ID, Name: s.Name, EntityID: s.EntityID, Provider: s.Provider, Attributes: s.Attributes, FormerAttributes: s.FormerAttributes,
		Accepted: s.Accepted, Categories: s.Categories, Origins: s.Origins,
		Organisation: saml.Organisation{Name: whole.Organisation.Name, URL: whole.Organisation.URL, Logo: s.Logo, Contact: s.Contact},
		Metadata:     saml.Source{URL: s.MetadataURL, Refresh: s.MetadataRefresh},
		HTTP:         &http.Client{Timeout: time.Minute},
	}
	var err error
	if c.Key, err = s.Key.ReadKey(); err != nil {
		return nil, fmt.Errorf("saml %s: key: %w", s.ID, err)
	}
	if c.Certificate, err = readCertificate(s.Certificate); err != nil {
		return nil, fmt.Errorf("saml %s: certificate: %w", s.ID, err)
	}
	if s.MetadataFile != "" {
		if c.Metadata.Text, err = s.MetadataFile.Read(); err != nil {
			return nil, fmt.Errorf("saml %s: metadata_file: %w", s.ID, err)
		}
	}
	if s.MetadataSigner != "" {
		if c.Metadata.Signer, err = readCertificate(s.MetadataSigner); err != nil {
			return nil, fmt.Errorf("saml %s: metadata_signer: %w", s.ID, err)
		}
	}
	return saml.New(c)
}
