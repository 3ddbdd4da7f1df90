/** The host's menus as lists to choose from (PRE-3): each option says the command that a person would type. */
import type { MessagePresentation } from "../host/presentation.ts";
import type { ChannelPlugin } from "../host/types.ts";

type Commands = NonNullable<ChannelPlugin["commands"]>;

interface Option {
  label: string;
  command: string;
}

function menu(placeholder: string, options: readonly Option[], hints: readonly string[]): { matrix: { presentation: MessagePresentation } } {
  return {
    matrix: {
      presentation: {
        blocks: [
          // The value again: clients of before typed actions read that one.
          { type: "select", placeholder, options: options.map(({ label, command }) => ({ label, action: { type: "command", command }, value: command })) },
          { type: "context", text: hints.join("\n") },
        ],
      },
    },
  };
}

type Providers = readonly { id: string; count: number }[];

function providerMenu({ providers }: { providers: Providers }) {
  const options = providers.map(({ id, count }) => ({ label: `${id} (${count})`, command: `/models ${id}` }));
  return menu("Providers", options, ["Models of one: `/models <provider>`", "Choose: `/model <provider/model>`"]);
}

export const commands: Commands = {
  buildModelsMenuChannelData: providerMenu,
  buildModelsProviderChannelData: providerMenu,
  buildModelsListChannelData: ({ provider, models, currentModel, currentPage, totalPages, pageSize = 8, modelNames }) => {
    const shown = models.slice((currentPage - 1) * pageSize, currentPage * pageSize);
    const options = shown.map((model) => {
      const id = `${provider}/${model}`;
      const name = modelNames?.get(id) ?? model;
      // For this session: the configured default stays what it is.
      return { label: id === currentModel ? `${name} ✓` : name, command: `/model ${id} -s` };
    });
    const pages = totalPages > 1 ? [`Page ${currentPage} of ${totalPages}: \`/models ${provider} ${currentPage < totalPages ? currentPage + 1 : 1}\``] : [];
    return menu("Models", options, [...pages, `Choose: \`/model ${provider}/<model>\``]);
  },
};
