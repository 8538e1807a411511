-- What root_cause makes of each kind of evidence. Nothing else in it is a matter of judgement.
--
-- Evidence is counted in log odds (natural logarithm): 0 says nothing, 1 makes a cause 2.7 times as likely, -1 as unlikely.
-- A factor multiplies log odds that were computed from a dataset's own history, so 1 takes them as they are and 0 leaves
-- that kind of evidence out. A strength is the chance that what is wrong above is seen to be wrong below.
CREATE VIEW root_cause_weight AS
SELECT *
FROM (
    VALUES
    (
        'failed_check', 'factor', 1.0,
        'A failure counts for as much as it is rare in the history of this very check.'
    ),
    (
        'passed_check', 'factor', 1.0,
        'A pass, or a value where it always was, counts against; how much depends on how telling the check is.'
    ),
    (
        'anomaly', 'factor', 1.0,
        'A number far from its own median in units of its own spread (MAD), with tails as heavy as Student''s t of 3.'
    ),
    (
        'explains', 'factor', 1.0,
        'A cause explains what is odd below it, as far as a path leads there and as that matters to the symptom.'
    ),
    (
        'explains_aside', 'factor', 0.2,
        'What is odd below a candidate but not on the way to the symptom may be another fault''s doing, so it counts little.'
    ),
    (
        'path', 'factor', 1.0,
        'The easiest way to the symptom costs the logarithm of its strengths, and more where what lies on it looks sound.'
    ),
    (
        'not_new', 'factor', 0.5,
        'What was odd already while the symptom still passed is half as likely to be what broke it.'
    ),
    (
        'run_failed', 'evidence', 3.0,
        'Runs that fail and are not repeated in time are rare; one that leaves data unwritten is about 20 times as likely a cause.'
    ),
    (
        'run_aborted', 'evidence', 1.5,
        'An aborted run leaves data unwritten too, but is more often a consequence; it counts if nothing above it is late.'
    ),
    (
        'run_missing', 'evidence', 2.5,
        'A job that always runs and did not is nearly as rare as one that failed; it counts if nothing above it is late.'
    ),
    (
        'code_changed', 'factor', 1.0,
        'The rarer new code is in these jobs, the more it says that code was new just then; nothing if the SQL stayed the same.'
    ),
    (
        'schema_changed', 'evidence', 1.5,
        'Fields that vanish or change their type break things, yet most changes are planned.'
    ),
    (
        'field_changed', 'evidence', 1.5,
        'The very field that the symptom is made from vanished or changed its type.'
    ),
    (
        'schema_broke_run', 'evidence', 2.0,
        'Fields vanished, and the run that reads them failed: the one explains the other.'
    ),
    (
        'unchanged', 'evidence', 2.5,
        'Numbers that differ with every load are the same as before: the data did not move. Half, if it is one number only.'
    ),
    (
        'lineage_incomplete', 'evidence', 0.5,
        'The producer could not tell all that the run read: what is wrong may have come from where nothing can be seen.'
    ),
    (
        'direct', 'strength', 0.9,
        'The value comes from there; few transformations hide that it is wrong.'
    ),
    (
        'unsaid', 'strength', 0.8,
        'The producer does not say how; most column lineage is direct.'
    ),
    (
        'indirect', 'strength', 0.7,
        'A filter, join or sort on a wrong value changes which rows there are, not what is in them.'
    ),
    (
        'masked', 'strength', 0.95,
        'Masking hides values, but neither that they are missing nor how many there are. Multiplies the others.'
    ),
    (
        'table', 'strength', 0.75,
        'Rows that are missing or doubled above are, after joins and filters, mostly missing or doubled below.'
    ),
    (
        'rows', 'strength', 0.6,
        'Other rows change most statistics of a column, though not all enough to be seen.'
    ),
    (
        'same_name', 'strength', 0.6,
        'Column lineage is missing: fields of one name in a dataset and in its input are mostly the same thing.'
    ),
    (
        'other_name', 'strength', 0.2,
        'Column lineage is missing: any field may have come from any other.'
    ),
    (
        'elsewhere', 'chance', 0.08,
        'That something upstream is odd for reasons of its own. It bounds what one oddity can say: ln(1 / 0.08) = 2.5.'
    ),
    (
        'symptom_confirmed', 'factor', 0.5,
        'The symptom''s field is odd in another check or measure too: it is real. Half, for they are not independent.'
    ),
    (
        'symptom_doubted', 'factor', 1.0,
        'Other checks and measures of the symptom''s field are as always.'
    ),
    (
        'usual_value', 'evidence', -2.0,
        'The failing check found what it always finds: its limit moved, not the data.'
    ),
    (
        'unreported', 'evidence', -1.0,
        'No check of the dataset fails: it is only said to be broken.'
    ),
    (
        'no_cause', 'chance', -1.1,
        'What the best candidate must reach, its chance among all upstream counted: e^-1.1 is one real cause to three false alarms.'
    )
) AS judgement (evidence, role, weight, reason);

COMMENT ON VIEW root_cause_weight IS 'What root_cause makes of each kind of evidence, and why.';
COMMENT ON COLUMN root_cause_weight.evidence IS 'The kind of evidence, as it is called in evidence_detail.';
COMMENT ON COLUMN root_cause_weight.role IS
    'evidence: log odds. factor: multiplies log odds; 0 leaves them out. strength: chance that a fault is handed on. chance: any other.';
COMMENT ON COLUMN root_cause_weight.weight IS 'The number.';
COMMENT ON COLUMN root_cause_weight.reason IS 'Why that number.';
