-- A holder for each account, composed from lists: name, house, street, town.
-- The steps are prime to the lists' lengths, so that neighbours differ.
ALTER TABLE pgbench_accounts ADD COLUMN holder text;

WITH list AS (
	SELECT string_to_array('Ada,Anton,Beatrice,Carl,Clara,Daniel,Edith,Felix,Grace,Henry,Ida,Jonas,Katherine,'
			'Leo,Maria,Niels,Olga,Paul,Quentin,Rosa,Simon,Thea,Ulrich,Vera,Walter,Yara,Zoe', ',') AS first,
		   string_to_array('Abbott,Bauer,Carter,Dahl,Eriksen,Fischer,Garcia,Hoffmann,Ivanova,Jansen,Keller,'
			'Lindgren,Moreau,Novak,Okafor,Petit,Quist,Rossi,Schmidt,Tanaka,Ueda,Vogel,Weber,Xu,Young,Zimmer', ',') AS last,
		   string_to_array('Chestnut Avenue,Mill Lane,Station Road,Harbour Street,Church Hill,Orchard Way,Bridge Street,'
			'Meadow Road,Castle Square,Garden Row,River Walk,School Lane,Market Place,Linden Street,'
			'Park Crescent,Abbey Close,Windmill Hill', ',') AS street,
		   string_to_array('Ashford,Brookfield,Clearwater,Dunmore,Eastbourne,Fairview,Greenwich,Hilltop,Ironbridge,'
			'Kingston,Lakeside,Milford,Northgate', ',') AS town
)
UPDATE pgbench_accounts
   SET holder = format('%s %s, %s %s, %s',
					   first[1 + aid % cardinality(first)],
					   last[1 + aid * 7 % cardinality(last)],
					   1 + aid * 11 % 199,
					   street[1 + aid * 5 % cardinality(street)],
					   town[1 + aid * 3 % cardinality(town)])
  FROM list;

VACUUM ANALYZE pgbench_accounts;
