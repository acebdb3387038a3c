"""A server that speaks SQL Server's protocol (TDS) on loopback, for tests with real ODBC drivers."""
