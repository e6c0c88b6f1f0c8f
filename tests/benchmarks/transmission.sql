-- provider
INSERT INTO providers (name, rpwdl_book, regon, nfz_branch, oid_root, version)
VALUES ('Pomiar (dane fikcyjne)', '000000000009', '123456785', '05', '2.16.840.1.113883.3.4424.2.7.999999', 1);
INSERT INTO service_places (provider_id, name, cell_code, specialty_code, mobility, address, status, version)
SELECT id, 'Mammobus', '001', '7940', 'mobile', 'Łódź', 'draft', 1 FROM providers;
INSERT INTO contracts (provider_id, number, nfz_branch, valid_from, valid_to, version)
SELECT id, '05/POMIAR', '05', '2026-01-01', '2035-12-31', 1 FROM providers;
INSERT INTO contract_ranges (contract_id, product_code, quantity_limit) SELECT id, '10.7940.159.02', 0 FROM contracts;
INSERT INTO mobile_units
    (provider_id, code, name, base_latitude, base_longitude, weekdays, opens, closes, setup_minutes, active, version)
SELECT id, 'M', 'Mammobus', 51.77, 19.46, '{1,2,3,4,5}', '08:00', '16:00', 0, true, 1 FROM providers;
INSERT INTO sites
    (provider_id, code, name, locality, landmark, latitude, longitude, logistics, days_max, active, version)
SELECT id, 'S', 'Wieluń', 'Wieluń', 'przy Urzędzie Gminy', 51.22, 18.57, '{}', 5, true, 1 FROM providers;
INSERT INTO itineraries (provider_id, name, first_day, last_day, status, planning, version)
SELECT id, 'pomiar', current_date, current_date + 365, 'published', '{}', 1 FROM providers

-- schedules
INSERT INTO stops (itinerary_id, unit_id, site_id, first_day, last_day, women_planned)
SELECT itineraries.id, mobile_units.id, sites.id, current_date + 1 + number % 90, current_date + 1 + number % 90, number
FROM itineraries, mobile_units, sites, generate_series(CAST(:first AS int), CAST(:last AS int)) AS number;
INSERT INTO mobile_points (uuid, provider_id, service_place_id, stop_id, name, valid_from, valid_to)
SELECT gen_random_uuid(), :provider, service_places.id, stops.id, 'Wieluń', first_day, last_day
FROM stops, service_places WHERE women_planned BETWEEN :first AND :last;
INSERT INTO schedules
    (uuid, provider_id, service_place_id, place_mobility, mobile, mobile_point_id, contract_range_id, programme, path,
    valid_from, valid_to, women_planned)
SELECT gen_random_uuid(), :provider, mobile_points.service_place_id, 'mobile', true, mobile_points.id, contract_ranges.id, 'breast',
    'mammography', first_day, last_day, women_planned
FROM mobile_points JOIN stops ON stops.id = stop_id, contract_ranges WHERE women_planned BETWEEN :first AND :last;
INSERT INTO schedule_hours (schedule_id, starts_at, ends_at)
SELECT id, valid_from + interval '8 hours', valid_from + interval '16 hours'
FROM schedules WHERE women_planned BETWEEN :first AND :last;
INSERT INTO slots
    (uuid, schedule_id, service_place_id, place_mobility, mobile, starts_at, ends_at, capacity, taken, status)
SELECT gen_random_uuid(), id, service_place_id, 'mobile', true,
    valid_from + interval '8 hours' + number * interval '4 minutes',
    valid_from + interval '8 hours' + (number + 1) * interval '4 minutes', 1, 0, 'open'
FROM schedules, generate_series(0, CAST(:slots AS int) - 1) AS number WHERE women_planned BETWEEN :first AND :last;
ANALYZE

-- messages of schedules
INSERT INTO outbox_messages (uuid, provider_id, kind, subject_id, service_day, state, attempts, uncertain)
SELECT gen_random_uuid(), :provider, 'save_service_place', id, current_date, 'pending', 0, false
FROM service_places WHERE registered_at IS NULL;
INSERT INTO outbox_messages (uuid, provider_id, kind, subject_id, service_day, state, attempts, uncertain)
SELECT gen_random_uuid(), :provider, kind, CASE kind WHEN 'import_mobile_points' THEN mobile_point_id ELSE id END,
    valid_from, 'pending', 0, false
FROM schedules, unnest(ARRAY['import_mobile_points', 'save_schedule', 'save_slots']) WITH ORDINALITY AS kinds (kind, step)
WHERE women_planned BETWEEN :first AND :last ORDER BY women_planned, step;
INSERT INTO outbox_dependencies (message_id, requires_id)
SELECT later.id, earlier.id FROM schedules
JOIN outbox_messages AS later ON later.kind = 'save_slots' AND later.subject_id = schedules.id
JOIN outbox_messages AS earlier ON earlier.kind = 'save_schedule' AND earlier.subject_id = schedules.id
WHERE women_planned BETWEEN :first AND :last
UNION ALL
SELECT later.id, earlier.id FROM schedules
JOIN outbox_messages AS later ON later.kind = 'save_schedule' AND later.subject_id = schedules.id
JOIN outbox_messages AS earlier ON earlier.kind = 'import_mobile_points' AND earlier.subject_id = mobile_point_id
WHERE women_planned BETWEEN :first AND :last
UNION ALL
SELECT later.id, earlier.id FROM outbox_messages AS later, outbox_messages AS earlier
WHERE later.kind = 'import_mobile_points' AND earlier.kind = 'save_service_place' AND earlier.state = 'pending'

-- activation
INSERT INTO outbox_messages (uuid, provider_id, kind, subject_id, service_day, state, attempts, uncertain)
SELECT gen_random_uuid(), :provider, 'activate_service_place', id, current_date, 'pending', 0, false FROM service_places;
INSERT INTO outbox_dependencies (message_id, requires_id)
SELECT later.id, earlier.id FROM outbox_messages AS later, outbox_messages AS earlier
WHERE later.kind = 'activate_service_place' AND earlier.kind = 'save_slots';
ANALYZE

-- messages of schedules without slots
INSERT INTO outbox_messages (uuid, provider_id, kind, subject_id, service_day, state, attempts, uncertain)
SELECT gen_random_uuid(), :provider, kind, CASE kind WHEN 'import_mobile_points' THEN mobile_point_id ELSE id END,
    current_date + CAST(step AS int), 'pending', 0, false
FROM schedules, unnest(ARRAY['import_mobile_points', 'save_schedule']) WITH ORDINALITY AS kinds (kind, step)
WHERE women_planned BETWEEN :first AND :last ORDER BY step

-- messages of slots
INSERT INTO outbox_messages (uuid, provider_id, kind, subject_id, service_day, state, attempts, uncertain)
SELECT gen_random_uuid(), :provider, 'save_slots', id, valid_from, 'pending', 0, false
FROM schedules WHERE women_planned BETWEEN :first AND :last

-- visits
INSERT INTO visits
    (uuid, provider_id, woman_id, slot_id, programme, path, contract_range_id, status, urgent, source, version)
SELECT gen_random_uuid(), :provider, woman.id, slot.id, 'breast', 'mammography', contract_ranges.id, 'booked', false,
    'provider', 1
FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM women) AS woman
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS number FROM slots) AS slot USING (number), contract_ranges;
UPDATE slots SET taken = 1 FROM visits WHERE slot_id = slots.id;
ANALYZE

-- messages of visits
INSERT INTO outbox_messages (uuid, provider_id, kind, subject_id, service_day, state, attempts, uncertain)
SELECT gen_random_uuid(), :provider, 'save_visit', visits.id, current_date + 1, 'pending', 0, false FROM visits
WHERE NOT EXISTS (SELECT FROM outbox_messages WHERE kind = 'save_visit' AND subject_id = visits.id)
ORDER BY visits.id LIMIT :many;
ANALYZE
