"""Domains of public mailbox providers, for `email is a free address`."""

FREE_MAIL_DOMAINS = frozenset(
    """
    126.com 163.com 1und1.de abv.bg aol.com att.net bluewin.ch bol.com.br btinternet.com centrum.cz comcast.net cox.net daum.net
    duck.com fastmail.com fastmail.fm free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com
    hanmail.net hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com
    inbox.lv inbox.ru interia.pl laposte.net libero.it list.ru live.com live.de live.fr live.nl mac.com mail.com mail.de
    mail.ru me.com msn.com naver.com o2.pl onet.pl orange.fr outlook.com outlook.de outlook.fr outlook.jp pm.me posteo.de
    proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com sapo.pt sbcglobal.net seznam.cz
    sfr.fr shaw.ca sina.com skynet.be sky.com t-online.de terra.com.br tiscali.it tuta.com tutanota.com ukr.net uol.com.br
    verizon.net virgilio.it vodafone.de wanadoo.fr web.de wp.pl yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br
    yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com zoho.com
    """.split()
)
