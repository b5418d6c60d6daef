with recursive
asked as (
  select n.ordinal, t.oid
  from unnest($1, $2) with ordinality as n(schema, name, ordinal)
  left join lateral (
    select t.oid from pg_catalog.pg_type t
    join pg_catalog.pg_namespace s on s.oid = t.typnamespace
    where t.typname = n.name
      and case when n.schema is null then pg_catalog.pg_type_is_visible(t.oid) else s.nspname = n.schema end
  ) t on true
  union all
  select null, u.oid from unnest($3) as u(oid)
  union all
  select -e.ordinal, pg_catalog.to_regtype(e.expression)::oid
  from unnest($4) with ordinality as e(expression, ordinal)
),
roots(oid) as (
  select pg_catalog.unnest(array(
    select oid from asked where oid is not null
    union all
    select r.rngtypid from pg_catalog.pg_range r join asked a on a.oid = r.rngsubtype
  ))
),
wanted(oid) as (
  select oid from roots
  union
  select part.oid
  from wanted w
  join pg_catalog.pg_type t on t.oid = w.oid
  cross join lateral (
    select t.typarray
    union all select t.typbasetype
    union all select t.typelem where t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc
    union all select pg_catalog.unnest(array[r.rngsubtype, r.rngtypid, r.rngmultitypid])
      from pg_catalog.pg_range r where t.oid in (r.rngtypid, r.rngmultitypid)
    union all select a.atttypid from pg_catalog.pg_attribute a
      where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
  ) part(oid)
  where part.oid <> 0 and (part.oid >= 10000 or part.oid = t.typarray)
)
select
  (select system_identifier from pg_catalog.pg_control_system()),
  (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()),
  array(select schema from pg_catalog.unnest(pg_catalog.current_schemas(true)) as p(schema) where schema !~ '^pg_temp_'),
  a.ordinal, t.oid, s.nspname, t.typname, t.typarray,
  case when t.typelem <> 0 and t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc
    then 'a' when t.typtype = 'b' and t.typsend = 0 then 't' else t.typtype::text end,
  case t.typtype
    when 'e' then array(select e.enumlabel::text from pg_catalog.pg_enum e where e.enumtypid = t.oid order by e.enumsortorder)
    when 'c' then array(select c.attname::text from pg_catalog.pg_attribute c
      where c.attrelid = t.typrelid and c.attnum > 0 and not c.attisdropped order by c.attnum)
  end,
  case when t.typtype = 'c' then array(select c.atttypid::text from pg_catalog.pg_attribute c
      where c.attrelid = t.typrelid and c.attnum > 0 and not c.attisdropped order by c.attnum)
  end,
  coalesce(nullif(t.typbasetype, 0), r.rngsubtype, nullif(t.typelem, 0)),
  r.rngmultitypid, t.typdelim::text
from pg_catalog.unnest(array(select oid from wanted)) as w(oid)
full join asked a on a.oid = w.oid
left join pg_catalog.pg_type t on t.oid = w.oid
left join pg_catalog.pg_namespace s on s.oid = t.typnamespace
left join pg_catalog.pg_range r on t.oid in (r.rngtypid, r.rngmultitypid)
