import { Button, Group, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { recordNumber } from '../record-number';
import classes from './erasure.module.css';

/** Asks for the number of a record that was deleted. */
export function ErasureForm({ patientId, onAsk }: { patientId: string; onAsk: (patientId: string) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(patientId);
  const [refused, setRefused] = useState(false);
  return (
    <form
      className={classes.tools}
      onSubmit={(event) => {
        event.preventDefault();
        const number = recordNumber(text);
        setRefused(number === null);
        if (number) {
          onAsk(number);
        }
      }}
    >
      <Group align="flex-start" gap="sm">
        <TextInput
          label={t('personalData.recordNumber')}
          description={t('personalData.recordNumberHint')}
          error={refused && t('personalData.notANumber')}
          inputWrapperOrder={['label', 'input', 'error', 'description']}
          value={text}
          maw={620}
          flex={1}
          styles={{ input: { fontFamily: 'ui-monospace, monospace' } }}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setRefused(false);
          }}
        />
        <Button type="submit" mt={25}>
          {t('personalData.look')}
        </Button>
      </Group>
    </form>
  );
}
