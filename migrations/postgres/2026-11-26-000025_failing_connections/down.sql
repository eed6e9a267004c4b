DROP INDEX connections_failing;
