DROP TABLE connection_refusals;
