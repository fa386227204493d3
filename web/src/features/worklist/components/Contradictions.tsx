import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useBundle } from '@/api/bundle';
import type { Feedback } from '@/api/types';
import { formatDateTime } from '@/format/dates';

/** What readers said against the verdict: each label, with who said it and when. */
export function Contradictions({ words }: { words: readonly Feedback[] }) {
  const { t, i18n } = useTranslation();
  const { data } = useBundle();
  const labels = data?.models.flatMap((model) => model.labels) ?? [];
  const labelText = (label: string): string => {
    if (label === 'norm' || label === 'pathology') {
      return t(`verdict.${label}`);
    }
    const known = labels.find(({ key }) => key === label);
    return known ? (i18n.language === 'ru' ? known.name_ru : known.name_en) : label;
  };
  const told = ({ agree, label }: Feedback): string =>
    label ? t('worklist.reader', { label: labelText(label) }) : t(agree ? 'worklist.readerAgreedBefore' : 'worklist.readerDisagrees');
  return words.map((word) => (
    <Text
      key={word.id}
      size="xs"
      data-testid="row-contradiction"
      title={t('feedback.by', { user: word.user?.name ?? t('feedback.anonymous'), date: formatDateTime(word.created_at, i18n.language) })}
    >
      {told(word)}
    </Text>
  ));
}
