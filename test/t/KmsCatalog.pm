# Everything that the catalog knows of the extension's objects, as lines of text without
# oids: so that one that was upgraded can be compared with a fresh one.  A number with
# which some builds of PostgreSQL mark each column (pg_attver) is left out.
package KmsCatalog;

use strict;
use warnings;

use Exporter 'import';
use KmsServer;

our @EXPORT = qw(catalog_of);

# The objects, and what belongs to their tables.  Each query gives (kind, name, what).
my $member = q{
	CREATE TEMPORARY VIEW member AS
		SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid WHERE d.deptype = 'e' AND e.extname = 'kms';
	CREATE TEMPORARY VIEW relation AS SELECT c.* FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid;
	CREATE TEMPORARY VIEW type AS SELECT t.* FROM pg_type t WHERE t.oid IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass) OR t.typrelid IN (SELECT oid FROM relation)};

my @queries = (
	# Whatever it is: that it is there, and what is said of it.
	q{SELECT 'object', pg_describe_object(classid, objid, 0), coalesce(obj_description(objid, classid::regclass::name), '') FROM member},
	q{SELECT 'column comment', format('%s.%s', attrelid::regclass, attname), col_description(attrelid, attnum) FROM pg_attribute a WHERE attrelid IN (SELECT oid FROM relation UNION ALL SELECT typrelid FROM type WHERE typrelid <> 0) AND attnum > 0 AND NOT attisdropped},
	q{SELECT 'part comment', pg_describe_object(d.classoid, d.objoid, 0), d.description FROM pg_description d
		WHERE (d.classoid = 'pg_trigger'::regclass AND d.objoid IN (SELECT oid FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM relation)))
		   OR (d.classoid = 'pg_constraint'::regclass AND d.objoid IN (SELECT oid FROM pg_constraint WHERE conrelid IN (SELECT oid FROM relation)))
		   OR (d.classoid = 'pg_class'::regclass AND d.objsubid = 0 AND d.objoid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM relation)))},
	q{SELECT 'extension', extname, concat_ws(' ', extowner::regrole, extnamespace::regnamespace, extrelocatable) FROM pg_extension WHERE extname = 'kms'},
	q{SELECT 'dumped', c::regclass::text, w FROM pg_extension, unnest(extconfig, extcondition) u(c, w) WHERE extname = 'kms'},
	q{SELECT 'schema', nspname, nspowner::regrole::text FROM pg_namespace WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_namespace'::regclass)},
	q{SELECT 'function', p.oid::regprocedure::text, concat_ws(E'\t', proowner::regrole, l.lanname, prokind, provolatile, proparallel, proisstrict, prosecdef, proleakproof, proretset, procost, prorows, prosupport, pronargdefaults,
			pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), proconfig, probin, md5(prosrc), md5(pg_get_function_sqlbody(p.oid))) FROM pg_proc p JOIN pg_language l ON l.oid = prolang WHERE p.oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)},
	q{SELECT 'type', oid::regtype::text, concat_ws(' ', typowner::regrole, typtype, typcategory, typlen, typalign, typstorage, typnotnull, typbasetype::regtype, typelem::regtype, typdefault, typrelid::regclass) FROM type WHERE typtype <> 'b' OR typelem = 0},
	q{SELECT 'relation', oid::regclass::text, concat_ws(' ', relowner::regrole, relkind, relpersistence, reltablespace, relrowsecurity, relforcerowsecurity, relreplident, reloptions, relispartition, reloftype::regtype) FROM relation},
	q{SELECT 'column', format('%s.%s', attrelid::regclass, attname), concat_ws(' ', attnum, format_type(atttypid, atttypmod), attcollation::regcollation, attnotnull, attidentity, attgenerated, attstorage, attcompression, (SELECT array_agg(o) FROM unnest(attoptions) o WHERE o !~ '^pg_attver='), nullif(attstattarget, -1), pg_get_expr(adbin, adrelid))
		FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid IN (SELECT oid FROM relation UNION ALL SELECT typrelid FROM type WHERE typrelid <> 0) AND attnum > 0 AND NOT attisdropped},
	q{SELECT 'constraint', format('%s.%s', coalesce(conrelid::regclass::text, contypid::regtype::text), conname), concat_ws(' ', contype, condeferrable, condeferred, convalidated, pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid IN (SELECT oid FROM relation) OR contypid IN (SELECT oid FROM type)},
	q{SELECT 'index', indexrelid::regclass::text, concat_ws(' ', pg_get_indexdef(indexrelid), indisprimary, indisclustered, indisvalid, indisreplident, c.relowner::regrole, c.reloptions) FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid IN (SELECT oid FROM relation)},
	q{SELECT 'trigger', format('%s.%s', tgrelid::regclass, tgname), concat_ws(' ', pg_get_triggerdef(oid), tgenabled) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM relation) AND NOT tgisinternal},
	q{SELECT 'rule', format('%s.%s', ev_class::regclass, rulename), concat_ws(' ', ev_enabled, pg_get_ruledef(oid)) FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM relation)},
	q{SELECT 'policy', format('%s.%s', polrelid::regclass, polname), concat_ws(' ', polcmd, polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy WHERE polrelid IN (SELECT oid FROM relation)},
	q{SELECT 'sequence', seqrelid::regclass::text, concat_ws(' ', seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle) FROM pg_sequence WHERE seqrelid IN (SELECT oid FROM relation)},
	q{SELECT 'event trigger', evtname, concat_ws(' ', evtowner::regrole, evtevent, evtfoid::regprocedure, evtenabled, evttags) FROM pg_event_trigger WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_event_trigger'::regclass)},
	q{SELECT 'cast', format('%s to %s', castsource::regtype, casttarget::regtype), concat_ws(' ', castfunc::regprocedure, castcontext, castmethod) FROM pg_cast WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_cast'::regclass)},
	q{SELECT 'operator', oid::regoperator::text, concat_ws(' ', oprowner::regrole, oprkind, oprcode, oprrest, oprjoin, oprcom::regoperator, oprnegate::regoperator) FROM pg_operator WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_operator'::regclass)},
	# Who may: each privilege a line, those by default among them (but of the types of rows, which no dump has); and what
	# the extension gave itself, which a dump leaves out.
	q{SELECT 'privilege', format('%s: %s', name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END), string_agg(a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END || ' by ' || a.grantor::regrole, ', ' ORDER BY a.privilege_type, a.grantor)
		FROM (SELECT p.oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc p WHERE p.oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)
			UNION ALL SELECT oid::regclass::text, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) FROM relation
			UNION ALL SELECT oid::regtype::text, coalesce(typacl, acldefault('T', typowner)) FROM type WHERE (typtype <> 'b' OR typelem = 0) AND typrelid NOT IN (SELECT oid FROM relation WHERE relkind <> 'c')
			UNION ALL SELECT nspname, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_namespace'::regclass)
			UNION ALL SELECT format('%s.%s', attrelid::regclass, attname), attacl FROM pg_attribute WHERE attrelid IN (SELECT oid FROM relation) AND attacl IS NOT NULL) o (name, acl), aclexplode(acl) a GROUP BY 1, 2},
	q{SELECT 'first privilege', pg_describe_object(i.classoid, i.objoid, i.objsubid), (SELECT string_agg(x::text, ' ' ORDER BY x::text) FROM unnest(i.initprivs) x) FROM pg_init_privs i JOIN member m ON m.classid = i.classoid AND m.objid = i.objoid WHERE i.privtype = 'e'});

# The lines, in order.
sub catalog_of
{
	my ($node, $dbname) = @_;
	my $path = 'SET search_path = pg_catalog, pg_temp';    # so that names are written out
	my @parts = map { "SELECT replace(concat_ws(': ', kind, name, what), E'\\n', ' ') FROM ($_) q (kind, name, what) ORDER BY 1" } @queries;

	return value($node, join(";\n", $path, $member, @parts), $dbname);
}

1;
