import { useTranslation } from 'react-i18next';

import type { IdentityAttribute, NamedPerson, StudyIdentity } from '@/api/types';
import pageClasses from '@/components/page.module.css';

import classes from './identity.module.css';
import { dicomName, registeredName, type NamedPatient } from './shown-identity';
import { useIdentityTexts } from './use-identity-texts';

interface IdentityComparisonProps {
  /** The heads of the two columns. */
  heads: [string, string];
  one: NamedPatient | null | undefined;
  /** A study's own words, or another record. */
  other: StudyIdentity | NamedPatient | null | undefined;
  conflicts: IdentityAttribute[];
}

type Values = Record<IdentityAttribute, string[]>;

/** Who is named on either side, and in what they differ. */
export function IdentityComparison({ heads, one, other, conflicts }: IdentityComparisonProps) {
  const { t } = useTranslation();
  const texts = useIdentityTexts();
  const said = (side: StudyIdentity | NamedPerson | NamedPatient): Record<IdentityAttribute, string | null> => ({
    patient_id: ('patient_id' in side ? side.patient_id : 'dicom_patient_id' in side ? side.dicom_patient_id : null) ?? null,
    patient_name: 'last_name' in side ? registeredName(side) : dicomName('patient_name' in side ? side.patient_name : null),
    birth_date: texts.date(side.birth_date),
    sex: texts.sex(side.sex),
  });
  const values = (side: StudyIdentity | NamedPatient | null | undefined): Values => {
    // Files that name several persons say several things: all of them stand there.
    const persons = side && 'persons' in side && side.persons?.length ? side.persons : side ? [side] : [];
    const each = persons.map(said);
    const of = (attribute: IdentityAttribute): string[] => [...new Set(each.map((person) => person[attribute] ?? '–'))];
    return { patient_id: of('patient_id'), patient_name: of('patient_name'), birth_date: of('birth_date'), sex: of('sex') };
  };
  const [left, right] = [values(one), values(other)];
  return (
    <table className={`${pageClasses.table ?? ''} ${classes.comparison ?? ''}`} data-testid="identity-comparison">
      <thead>
        <tr>
          <th scope="col">
            <span className={classes.unseen}>{t('identity.attributeHead')}</span>
          </th>
          <th scope="col">{heads[0]}</th>
          <th scope="col">{heads[1]}</th>
        </tr>
      </thead>
      <tbody>
        {(['patient_name', 'patient_id', 'birth_date', 'sex'] as const).map((attribute) => (
          <tr key={attribute} data-differs={conflicts.includes(attribute)}>
            <th scope="row">
              {t(`identity.attribute.${attribute}`)}
              {conflicts.includes(attribute) && <span className={classes.differs}>{t('identity.differs')}</span>}
            </th>
            {[left, right].map((side, column) => (
              <td key={column} data-identity>
                {side[attribute].length > 0 ? side[attribute].map((value) => <div key={value}>{value}</div>) : '–'}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
