/* puras completion: a script for one shell, made from the tables by which arguments are parsed. */
#include "base/cleanup.h"
#include "cmd/cli.h"

/* Models are asked of the server; one that is silent must not hold up the line for longer than a person waits. */
#define MODELS "timeout 2 puras models 2>/dev/null | awk 'NR > 1 {print $1}'"

static void names(void) {
    for (int i = 0; i < command_count; i++) printf("%s%s", i ? " " : "", command_table[i].name);
}

static int each(const char *format) {
    int status = 0;
    for (int i = 0; i < command_count && !status; i++) status = command_describe(&command_table[i], format);
    return status;
}

static int bash(void) {
    fputs("# bash completion for puras, made by `puras completion bash`\n"
          "_puras() {\n"
          "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} options= values= verbs= from=\n"
          "  local commands='", stdout);
    names();
    fputs("'\n"
          "  COMPREPLY=()\n"
          "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$cur\")); return; fi\n"
          "  case ${COMP_WORDS[1]} in\n", stdout);
    int status = each("bash");
    fputs("  esac\n"
          "  case $values in *\" $prev \"*) return ;; esac\n"
          "  case $cur in -*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")); return ;; esac\n"
          "  case $from in\n"
          "    models) verbs=\"$verbs $(" MODELS ")\" ;;\n"
          "    commands) verbs=$commands ;;\n"
          "  esac\n"
          "  COMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n"
          "}\n"
          "complete -o default -F _puras puras\n", stdout);
    return status;
}

static int zsh(void) {
    fputs("#compdef puras\n"
          "# zsh completion for puras, made by `puras completion zsh`\n"
          "_puras() {\n"
          "  local -a commands options values verbs\n"
          "  local from=\n"
          "  commands=(", stdout);
    for (int i = 0; i < command_count; i++) {
        printf("'%s:", command_table[i].name);
        shell_text(stdout, command_table[i].about, false);
        fputs("' ", stdout);
    }
    fputs(")\n"
          "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
          "  case $words[2] in\n", stdout);
    int status = each("zsh");
    fputs("  esac\n"
          "  if (( ${values[(Ie)$words[CURRENT-1]]} )); then _files; return; fi\n"
          "  if [[ $words[CURRENT] == -* ]]; then _describe -o option options; return; fi\n"
          "  case $from in\n"
          "    models) verbs+=(${(f)\"$(" MODELS ")\"}) ;;\n"
          "    commands) _describe command commands; return ;;\n"
          "  esac\n"
          "  (( $#verbs )) && compadd -a verbs\n"
          "  [[ $from == files ]] && _files\n"
          "}\n"
          "if [[ $funcstack[1] == _puras ]]; then _puras \"$@\"; else compdef _puras puras; fi\n", stdout);
    return status;
}

static int fish(void) {
    fputs("# fish completion for puras, made by `puras completion fish`\n"
          "function __puras_models\n    " MODELS "\nend\n"
          "function __puras_commands\n    string split ' ' '", stdout);
    names();
    fputs("'\nend\ncomplete -c puras -f\ncomplete -c puras -s h -l help -d 'explain the subcommand'\n", stdout);
    for (int i = 0; i < command_count; i++) {
        printf("complete -c puras -n __fish_use_subcommand -a %s -d '", command_table[i].name);
        shell_text(stdout, command_table[i].about, true);
        fputs("'\n", stdout);
    }
    return each("fish");
}

int cmd_completion(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*print)(void);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    _cleanup_(cli_done) struct cli c = {0};
    struct words args;
    const struct opt opts[] = {{0}};
    const struct usage u = {"completion bash|zsh|fish",
                            "Prints a script that completes subcommands, options and models. For one session: eval \"$(puras completion bash)\",\n"
                            "or puras completion fish | source. `make install` puts all three where the shells look.", opts, 1, 1};
    int status;
    if (!cli_parse(&u, argc, argv, &c.a, &args, &status)) return status;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (!strcmp(args.at[0], shells[i].name)) return shells[i].print();
    return cli_say(&c, E_INVALID, "There is no completion for \"%s\"; there is bash, zsh and fish.", safe_text(&c.a, str_of(args.at[0])));
}
