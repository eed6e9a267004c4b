DROP TABLE required_second_factors;
DROP TABLE recovery_codes;
DROP TABLE second_factors;
