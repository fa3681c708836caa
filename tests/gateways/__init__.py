"""Tests of gateways: files and the outside, for real."""
