import { useTranslation } from 'react-i18next';

import { formatDicomDate, formatDicomTime } from '@/format/dates';

import type { ShownIdentity } from './shown-identity';

const isSex = (sex: string): sex is 'M' | 'F' | 'O' => ['M', 'F', 'O'].includes(sex);

/** The words of an identity's parts. */
export function useIdentityTexts() {
  const { t, i18n } = useTranslation();
  const sex = (value: string | null | undefined): string | null => (value ? (isSex(value) ? t(`identity.sexOf.${value}`) : value) : null);
  const date = (value: string | null | undefined): string | null => (value ? formatDicomDate(value, i18n.language) : null);
  /** Day and hour of a study. */
  const moment = ({ studyDate, studyTime }: Pick<ShownIdentity, 'studyDate' | 'studyTime'>): string | null =>
    [date(studyDate), studyDate && formatDicomTime(studyTime)].filter(Boolean).join(', ') || null;
  return {
    sex,
    date,
    moment,
    /** Patient ID, birth date and sex: what tells two patients of one name apart. */
    person: (shown: ShownIdentity): string[] =>
      [
        shown.patientId && t('identity.idOf', { id: shown.patientId }),
        shown.filesPatientId && t('identity.filesId', { id: shown.filesPatientId }),
        date(shown.birthDate),
        sex(shown.sex),
      ].filter((text): text is string => Boolean(text)),
    accession: ({ accessionNumber }: ShownIdentity): string | null =>
      accessionNumber ? t('identity.accessionOf', { number: accessionNumber }) : null,
  };
}
